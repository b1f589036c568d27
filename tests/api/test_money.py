"""Deposits, withdrawals and transfers."""

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.api.client import Person, assert_problem, json_of
from wallets.services import wallet_open


def test_a_deposit_adds_money_from_the_outside_world(alice: Person) -> None:
    response = alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 12_500, "memo": "Salary"})

    assert response.status_code == 201
    body = json_of(response)
    assert response["Location"] == f"/api/v1/transactions/{body['id']}"
    assert body.pop("id").isdecimal()
    assert body.pop("created_at") <= body.pop("settled_at")
    assert body == {
        "kind": "deposit",
        "status": "posted",
        "amount": 12_500,
        "currency": "USD",
        "source": None,
        "destination": {"wallet": str(alice.wallet.pk), "owner": "alice"},
        "memo": "Salary",
        "failure": None,
    }
    assert alice.balance() == 12_500


def test_a_withdrawal_takes_money_out(alice: Person) -> None:
    alice.deposit(500)

    body = json_of(alice.api.post(f"{alice.wallet_path}/withdrawals", {"amount": 200}))

    assert (body["kind"], body["memo"]) == ("withdrawal", "")
    assert body["source"] == {"wallet": str(alice.wallet.pk), "owner": "alice"}
    assert body["destination"] is None
    assert alice.balance() == 300


@pytest.mark.parametrize("name", ["bob", "BOB", " bob ", "bob@example.com", "Bob@Example.com"])
def test_money_is_sent_to_a_user(alice: Person, bob: Person, name: str) -> None:
    alice.deposit(500)

    response = alice.api.post("/transfers", {"source": str(alice.wallet.pk), "recipient": name, "amount": 200})

    assert response.status_code == 201
    body = json_of(response)
    assert body["kind"] == "transfer"
    assert body["source"] == {"wallet": str(alice.wallet.pk), "owner": "alice"}
    assert body["destination"] == {"wallet": str(bob.wallet.pk), "owner": "bob"}
    assert (alice.balance(), bob.balance()) == (300, 200)


def test_money_is_sent_to_a_wallet(alice: Person, bob: Person) -> None:
    alice.deposit(500)

    response = alice.api.post(
        "/transfers", {"source": str(alice.wallet.pk), "destination": str(bob.wallet.pk), "amount": 500, "memo": "Rent"}
    )

    assert response.status_code == 201
    assert (alice.balance(), bob.balance()) == (0, 500)


def test_only_the_users_of_both_sides_can_read_a_transfer(alice: Person, bob: Person, charlie: Person) -> None:
    alice.deposit(500)
    transfer = {"source": str(alice.wallet.pk), "recipient": "bob", "amount": 200, "memo": "Lunch"}
    location = alice.api.post("/transfers", transfer)["Location"]

    assert json_of(alice.api.get(location)) == json_of(bob.api.get(location))
    assert_problem(charlie.api.get(location), "not_found", 404)


def test_a_recipient_learns_only_the_senders_username_and_wallet(alice: Person, bob: Person) -> None:
    alice.deposit(500)
    transfer = {"source": str(alice.wallet.pk), "recipient": "bob@example.com", "amount": 200}
    location = alice.api.post("/transfers", transfer, Idempotency_Key="private")["Location"]

    seen = bob.api.get(location).content + bob.api.get(f"{bob.wallet_path}/transactions").content

    assert b"alice@example.com" not in seen
    assert b"private" not in seen
    assert b":300" not in seen


def test_exactly_one_of_destination_and_recipient_is_given(alice: Person, bob: Person) -> None:
    alice.deposit(500)
    both = {"source": str(alice.wallet.pk), "destination": str(bob.wallet.pk), "recipient": "bob", "amount": 1}
    neither = {"source": str(alice.wallet.pk), "amount": 1}

    for body in (both, neither):
        problem = assert_problem(alice.api.post("/transfers", body), "malformed", 400)
        assert set(problem["errors"]) == {"destination", "recipient"}


def test_a_recipient_without_a_wallet_in_this_currency_is_not_found(alice: Person, bob: Person) -> None:
    euro = wallet_open(owner=alice.user, currency="EUR")

    response = alice.api.post("/transfers", {"source": str(euro.pk), "recipient": "bob", "amount": 1})

    assert "EUR" in assert_problem(response, "recipient_not_found", 422)["detail"]


@pytest.mark.parametrize("memo", ["", "Ünïcödé 💸", "مرحبا", "a" * 200, "<script>alert(1)</script>", "tab\there"])
def test_a_memo_is_stored_unchanged(alice: Person, memo: str) -> None:
    body = json_of(alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 1, "memo": memo}))

    assert body["memo"] == memo
    assert json_of(alice.api.get(f"/transactions/{body['id']}"))["memo"] == memo


def test_white_space_around_a_memo_is_dropped(alice: Person) -> None:
    body = json_of(alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 1, "memo": "  Lunch \n"}))

    assert body["memo"] == "Lunch"


@pytest.mark.parametrize("memo", ["a" * 201, "a\0b", 5, None, ["a"], {"a": "b"}, True])
def test_an_invalid_memo_is_refused(alice: Person, memo: object) -> None:
    assert_problem(alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 1, "memo": memo}), "malformed", 400)
    assert alice.balance() == 0


def test_a_transfer_takes_few_queries(
    alice: Person, bob: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    alice.deposit(500)

    with django_assert_max_num_queries(9):  # the token, both wallets, a savepoint, the locks, one write
        alice.api.post("/transfers", {"source": str(alice.wallet.pk), "recipient": "bob", "amount": 200})
