"""Spending limits over REST, with a token."""

import json
from typing import Any

import pytest

from tests.api.client import Person, assert_problem, json_of
from wallets.spending import limits_reduce

pytestmark = pytest.mark.django_db


def put(person: Person, body: object, path: str = "") -> Any:
    return person.api.client.put(
        f"/api/v1{path or person.wallet_path}/limits",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {person.api.token}"},
    )


def test_a_wallet_begins_without_limits(alice: Person) -> None:
    limits = json_of(alice.api.get(f"{alice.wallet_path}/limits"))
    assert limits.pop("renews_at").endswith("T00:00:00Z")
    assert limits == {
        "wallet": str(alice.wallet.pk),
        "currency": "USD",
        "per_payment": None,
        "per_day": None,
        "spent_today": 0,
        "left_today": None,
        "scheduled": None,
        "reduced": None,
        "step_up_above": 10_000,
    }


def test_a_token_lowers_limits_at_once_and_schedules_higher_ones(alice: Person) -> None:
    assert json_of(put(alice, {"per_payment": 100, "per_day": 500}))["per_day"] == 500
    limits = json_of(put(alice, {"per_payment": None, "per_day": 400}))
    assert (limits["per_payment"], limits["per_day"]) == (100, 400)
    assert limits["scheduled"].keys() == {"per_payment", "per_day", "counts_from"}
    assert (limits["scheduled"]["per_payment"], limits["scheduled"]["per_day"]) == (None, 400)


def test_a_payment_beyond_them_is_refused_and_the_refusal_says_what_is_left(alice: Person) -> None:
    alice.deposit(1_000)
    put(alice, {"per_payment": None, "per_day": 500})
    assert alice.api.post(f"{alice.wallet_path}/withdrawals", {"amount": 400}).status_code == 201
    response = alice.api.post(f"{alice.wallet_path}/withdrawals", {"amount": 101})
    problem = assert_problem(response, "spending_limit_exceeded", 422)
    assert "$1.00 is left until" in problem["detail"]
    assert not problem["retryable"]
    limits = json_of(alice.api.get(f"{alice.wallet_path}/limits"))
    assert (limits["spent_today"], limits["left_today"]) == (400, 100)


def test_a_reduction_is_shown(alice: Person) -> None:
    limits_reduce(user=alice.user)
    reduced = json_of(alice.api.get(f"{alice.wallet_path}/limits"))["reduced"]
    assert (reduced["per_day"], reduced.keys()) == (25_000, {"per_day", "until"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"per_payment": 1}, "per_day"),
        ({"per_payment": -1, "per_day": 1}, "per_payment"),
        ({"per_payment": 1, "per_day": True}, "per_day"),
        ({"per_payment": 1, "per_day": 1.0}, "per_day"),
        ({"per_payment": 1, "per_day": 10**15}, "per_day"),
        ({"per_payment": 1, "per_day": 1, "step_up_above": 10**9}, "step_up_above"),
    ],
)
def test_anything_else_is_malformed(alice: Person, body: object, field: str) -> None:
    assert field in assert_problem(put(alice, body), "malformed", 400)["errors"]


def test_another_users_limits_are_not_found(alice: Person, bob: Person) -> None:
    assert_problem(alice.api.get(f"{bob.wallet_path}/limits"), "not_found", 404)
    assert_problem(put(alice, {"per_payment": 1, "per_day": 1}, bob.wallet_path), "not_found", 404)
    bob.wallet.refresh_from_db()
    assert bob.wallet.spent_on is None
