"""Who asks, what it costs and what they will be shown go to Redis together; and nothing is decided by a guess."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django_redis import get_redis_connection
from pytest_django import Settings
from redis.connection import AbstractConnection

from tests.api.client import Api, Person, assert_problem, json_of, person
from tests.throttling.headers import left
from transactions.services import deposit_create
from wallets.auth import access
from wallets.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("trusted_cache")]


@pytest.fixture(autouse=True)
def _slow_refill(settings: Settings) -> None:
    """Thirty reads, and another each two seconds: slower than any test here."""
    settings.THROTTLE_SCALE = 0.01


@pytest.fixture
def alices(alice: User) -> Person:
    alices = person(alice)
    alices.deposit(5_000)
    return alices


@contextmanager
def ways_to_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """What was sent to Redis meanwhile; each item is one way there and back."""
    sent: list[object] = []
    send = AbstractConnection.send_packed_command

    def send_noted(self: AbstractConnection, command: Any, check_health: bool = True) -> None:
        sent.append(command)
        send(self, command, check_health)  # type: ignore[no-untyped-call]  # redis-py is half typed

    with monkeypatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", send_noted)
        yield sent


def reads_left(response: Any) -> int:
    return left(response)["reads"]["r"]


@pytest.mark.parametrize("rest", ["", "/transactions"])
def test_a_read_that_is_cached_goes_to_redis_once(alices: Person, rest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        alices.api.get(alices.wallet_path + rest)

    with ways_to_redis(monkeypatch) as sent:
        assert alices.api.get(alices.wallet_path + rest).status_code == 200

    assert len(sent) == 1


@pytest.mark.parametrize(("rest", "cost"), [("", 1), ("/transactions", 3)])
def test_what_was_sent_along_is_charged_once(alices: Person, rest: str, cost: int) -> None:
    amounts = [reads_left(alices.api.get(alices.wallet_path + rest)) for _ in range(4)]

    # One unit may have flowed back.
    assert 3 * cost - 1 <= amounts[0] - amounts[3] <= 3 * cost


def test_a_deposit_is_charged_once_and_what_it_costs_goes_to_redis_with_who_asks(
    alices: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{alices.wallet_path}/deposits"
    first = left(alices.api.post(path, {"amount": 1}))["money"]["r"]

    with ways_to_redis(monkeypatch) as sent:
        second = left(alices.api.post(path, {"amount": 1}))["money"]["r"]

    assert first - second == 1
    # And the fence, before the commit and after it.
    assert len(sent) == 3


def test_scripts_that_redis_has_forgotten_are_sent_once_more_and_charge_once(alices: Person) -> None:
    first = alices.api.get(alices.wallet_path)
    get_redis_connection().script_flush()

    second = alices.api.get(alices.wallet_path)

    assert json_of(second) == json_of(first)
    assert reads_left(first) - reads_left(second) <= 1


def test_a_token_that_was_revoked_opens_nothing_though_this_process_knew_it(alices: Person) -> None:
    alices.api.get("/me")
    alices.api.post("/auth/logout")

    response = alices.api.get("/me")

    assert_problem(response, "not_authenticated", 401)
    assert list(left(response)) == ["strangers"]


def test_nobody_is_charged_for_somebody_else_by_a_wrong_guess(
    alices: Person, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    bobs = person(bob)
    full = reads_left(bobs.api.get("/me"))
    monkeypatch.setattr(access, "token_owner_guess", lambda **_: bob.pk)
    monkeypatch.setattr("wallets.api.authentication.token_owner_guess", lambda **_: bob.pk)

    response = alices.api.get("/me")

    assert json_of(response)["username"] == "alice"
    # Hers, and as full as his.
    assert reads_left(response) >= full


def test_a_page_of_history_is_of_the_version_that_is_not_of_the_one_that_was_seen_last(alices: Person) -> None:
    path = f"{alices.wallet_path}/transactions"
    for _ in range(2):
        assert len(json_of(alices.api.get(path))["results"]) == 1

    deposit_create(actor=alices.user, wallet_id=alices.wallet.pk, amount=7)

    assert [entry["amount"] for entry in json_of(alices.api.get(path))["results"]] == [7, 5_000]


def test_a_read_that_is_refused_shows_nothing_of_what_came_along(
    alices: Person, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.THROTTLE_SCALE = 0.001
    statuses = [alices.api.get(alices.wallet_path) for _ in range(6)]

    refused = [response for response in statuses if response.status_code == 429]
    assert refused
    for response in refused:
        assert_problem(response, "rate_limited", 429)
        assert "balance" not in json_of(response)


def test_a_stranger_with_no_token_is_charged_as_one() -> None:
    assert list(left(Api(token=None).get("/me"))) == ["strangers"]
