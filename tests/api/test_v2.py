"""REST v2: transfers are accepted at once and settle later."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.api.client import Api, Person, assert_problem, json_of
from transactions.models import Job, Transaction
from transactions.settlement.jobs import partitions_due
from transactions.settlement.settle import partition_settle
from wallets.services import wallet_freeze, wallet_open

TRANSFERS = "/api/v2/transfers"
BULK = "/api/v2/transfers/bulk"


def settle() -> None:
    """Settles all pending transfers in this process, as the workers would."""
    for partition in partitions_due(overdue_s=0):
        partition_settle(partition=partition, time_limit_s=10)


def transfer(source: Person, destination: Person, amount: int = 100, **more: Any) -> dict[str, Any]:
    return {
        "source": str(source.wallet.pk),
        "destination": str(destination.wallet.pk),
        "amount": amount,
        **more,
    }


def test_a_transfer_is_accepted_as_pending_and_posted_later(alice: Person, bob: Person) -> None:
    alice.deposit(500)

    response = alice.api.post(
        TRANSFERS, {"source": str(alice.wallet.pk), "recipient": "bob", "amount": 200, "memo": "Lunch"}
    )

    assert response.status_code == 202
    body = json_of(response)
    assert response["Location"] == f"{TRANSFERS}/{body['id']}"
    assert (body["kind"], body["status"], body["settled_at"], body["failure"]) == ("transfer", "pending", None, None)
    assert (alice.balance(), bob.balance()) == (500, 0)

    settle()

    settled = json_of(alice.api.get(response["Location"]))
    assert settled["status"] == "posted"
    assert settled["created_at"] == body["created_at"] <= settled["settled_at"]
    assert (alice.balance(), bob.balance()) == (300, 200)


def test_a_transfer_without_enough_money_fails_when_it_settles(alice: Person, bob: Person) -> None:
    accepted = alice.api.post(TRANSFERS, transfer(alice, bob, 200))
    assert accepted.status_code == 202

    settle()

    settled = json_of(alice.api.get(accepted["Location"]))
    assert settled["status"] == "failed"
    assert settled["failure"]["code"] == "insufficient_funds"
    assert settled["failure"]["detail"]
    assert settled["settled_at"]


def test_only_the_users_of_both_sides_see_a_transfer(alice: Person, bob: Person, charlie: Person) -> None:
    alice.deposit(500)
    location = alice.api.post(TRANSFERS, transfer(alice, bob))["Location"]

    assert json_of(bob.api.get(location))["status"] == "pending"
    assert_problem(charlie.api.get(location), "not_found", 404)


def test_an_anonymous_request_is_not_accepted(anybody: Api) -> None:
    assert_problem(anybody.post(TRANSFERS, {}), "not_authenticated", 401)
    assert_problem(anybody.post(BULK, {}), "not_authenticated", 401)


def test_an_invalid_transfer_is_refused_at_once(alice: Person, bob: Person, charlie: Person) -> None:
    euro = wallet_open(owner=bob.user, currency="EUR")
    wallet_freeze(wallet_id=charlie.wallet.pk, actor=bob.user, reason="test")
    frozen = {"source": str(charlie.wallet.pk), "recipient": "bob", "amount": 1}
    mine = {"source": str(alice.wallet.pk), "amount": 1}

    assert_problem(alice.api.post(TRANSFERS, {**mine, "recipient": "nobody"}), "recipient_not_found", 422)
    assert_problem(alice.api.post(TRANSFERS, transfer(alice, alice)), "same_wallet", 422)
    assert_problem(alice.api.post(TRANSFERS, {**mine, "destination": str(euro.pk)}), "currency_mismatch", 422)
    assert_problem(charlie.api.post(TRANSFERS, frozen), "wallet_frozen", 422)
    assert_problem(alice.api.post(TRANSFERS, transfer(bob, alice)), "not_found", 404)
    assert_problem(alice.api.post(TRANSFERS, {**mine, "destination": "1"}), "not_found", 404)
    assert_problem(alice.api.post(TRANSFERS, mine), "malformed", 400)
    assert_problem(alice.api.post(TRANSFERS, {**transfer(alice, bob), "amount": 1.5}), "malformed", 400)
    assert_problem(alice.api.post(TRANSFERS, transfer(alice, bob, surprise=1)), "malformed", 400)
    assert Transaction.objects.count() == 0
    assert Job.objects.count() == 0


def test_a_replay_returns_the_first_transfer_with_its_current_status(alice: Person, bob: Person) -> None:
    alice.deposit(500)
    headers = {"Idempotency_Key": "lunch"}
    first = alice.api.post(TRANSFERS, transfer(alice, bob), **headers)

    again = alice.api.post(TRANSFERS, transfer(alice, bob), **headers)
    settle()
    later = alice.api.post(TRANSFERS, transfer(alice, bob), **headers)

    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == later["Idempotent-Replayed"] == "true"
    assert again.status_code == later.status_code == 202
    assert json_of(again) == json_of(first)
    assert json_of(later)["id"] == json_of(first)["id"]
    assert json_of(later)["status"] == "posted"
    assert bob.balance() == 100


def test_a_key_of_another_request_is_refused(alice: Person, bob: Person) -> None:
    alice.api.post(TRANSFERS, transfer(alice, bob), Idempotency_Key="lunch")

    problem = assert_problem(
        alice.api.post(TRANSFERS, transfer(alice, bob, 101), Idempotency_Key="lunch"), "idempotency_key_reused", 422
    )

    assert list(problem["errors"]) == ["amount"]


def test_a_synchronous_retry_of_a_pending_transfer_is_in_progress(alice: Person, bob: Person) -> None:
    alice.deposit(500)
    alice.api.post(TRANSFERS, transfer(alice, bob), Idempotency_Key="lunch")

    waiting = alice.api.post("/transfers", transfer(alice, bob), Idempotency_Key="lunch")
    settle()
    done = alice.api.post("/transfers", transfer(alice, bob), Idempotency_Key="lunch")

    assert_problem(waiting, "idempotency_in_progress", 409)
    assert (done.status_code, json_of(done)["status"], bob.balance()) == (201, "posted", 100)


def test_a_transfer_is_found_by_its_key(alice: Person, bob: Person) -> None:
    accepted = json_of(alice.api.post(TRANSFERS, transfer(alice, bob), Idempotency_Key="lunch"))

    assert json_of(alice.api.get("/transactions", {"idempotency_key": "lunch"}))["results"] == [accepted]


def test_each_item_of_a_bulk_request_has_its_own_result_in_order(alice: Person, bob: Person) -> None:
    alice.deposit(250)
    items = [
        transfer(alice, bob, 100, memo="one"),
        transfer(alice, bob, -1),
        "nonsense",
        transfer(alice, alice),
        transfer(alice, bob, 100, idempotency_key="k"),
        transfer(alice, bob, 100, idempotency_key="k"),
        transfer(alice, bob, 101, idempotency_key="k"),
        {"source": str(alice.wallet.pk), "recipient": "BOB@example.com", "amount": 100, "memo": "too much"},
        transfer(bob, alice),
        transfer(alice, bob, idempotency_key="ключ"),
    ]

    response = alice.api.post(BULK, {"transfers": items})

    assert response.status_code == 202
    results = json_of(response)["results"]
    assert [result["error"] and result["error"]["code"] for result in results] == [
        None, "malformed", "malformed", "same_wallet", None, None, "idempotency_key_reused", None, "not_found",
        "malformed",
    ]  # fmt: skip
    assert [result["replayed"] for result in results].index(True) == 5
    assert results[4]["transaction"] == results[5]["transaction"]
    assert list(results[1]["error"]["errors"]) == ["amount"]
    settle()
    became = [alice.api.get(f"{TRANSFERS}/{results[place]['transaction']['id']}") for place in (0, 4, 7)]
    assert [json_of(response)["status"] for response in became] == ["posted", "posted", "failed"]
    assert (alice.balance(), bob.balance()) == (50, 200)


@pytest.mark.parametrize("item", [None, True, 5, 0.5, "x", [], [{}], {}, {"source": None}, {"amount": {"amount": 5}}])
def test_an_invalid_item_of_a_bulk_request_gets_its_own_refusal(alice: Person, bob: Person, item: object) -> None:
    alice.deposit(100)

    response = alice.api.post(BULK, {"transfers": [item, transfer(alice, bob, 100)]})

    odd, even = json_of(response)["results"]
    assert odd["error"]["code"] == "malformed"
    assert odd["error"]["errors"]
    assert even["error"] is None
    settle()
    assert (alice.balance(), bob.balance()) == (0, 100)


@pytest.mark.parametrize("body", [{}, {"transfers": []}, {"transfers": {}}, {"transfers": [1] * 1_001}, {"x": []}])
def test_a_bulk_request_without_a_list_of_1_to_1000_is_refused(alice: Person, body: object) -> None:
    problem = assert_problem(alice.api.post(BULK, body), "malformed", 400)

    assert problem["errors"]


def test_a_thousand_transfers_take_as_many_queries_as_one(
    alice: Person, bob: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    items = [transfer(alice, bob, idempotency_key=f"k{number}") for number in range(1_000)]

    with django_assert_max_num_queries(9):
        response = alice.api.post(BULK, {"transfers": items})

    assert all(result["transaction"]["status"] == "pending" for result in json_of(response)["results"])
    assert Job.objects.count() == 1_000
