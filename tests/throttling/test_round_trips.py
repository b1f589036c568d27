"""A cached read asks Redis for the token, the limit and the answer in one round trip. No guess decides anything."""

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
    """Thirty reads, and one more every two seconds, which is slower than any test here."""
    settings.THROTTLE_SCALE = 0.01


@pytest.fixture
def alices(alice: User) -> Person:
    alices = person(alice)
    alices.deposit(5_000)
    return alices


@contextmanager
def round_trips(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """What is sent to Redis in this context. Each item is one round trip."""
    sent: list[object] = []
    send = AbstractConnection.send_packed_command

    def send_noted(self: AbstractConnection, command: Any, check_health: bool = True) -> None:
        sent.append(command)
        send(self, command, check_health)  # type: ignore[no-untyped-call]  # redis-py's types are incomplete

    with monkeypatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", send_noted)
        yield sent


def reads_left(response: Any) -> int:
    return left(response)["reads"]["r"]


@pytest.mark.parametrize("rest", ["", "/transactions"])
def test_a_cached_read_takes_one_round_trip_to_redis(
    alices: Person, rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        alices.api.get(alices.wallet_path + rest)

    with round_trips(monkeypatch) as sent:
        assert alices.api.get(alices.wallet_path + rest).status_code == 200

    assert len(sent) == 1


@pytest.mark.parametrize(("rest", "cost"), [("", 1), ("/transactions", 3)])
def test_a_read_pays_its_cost_once(alices: Person, rest: str, cost: int) -> None:
    amounts = [reads_left(alices.api.get(alices.wallet_path + rest)) for _ in range(4)]

    # One unit may have flowed in.
    assert 3 * cost - 1 <= amounts[0] - amounts[3] <= 3 * cost


def test_a_deposit_pays_its_cost_once_in_the_round_trip_that_looks_up_the_token(
    alices: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{alices.wallet_path}/deposits"
    first = left(alices.api.post(path, {"amount": 1}))["money"]["r"]

    with round_trips(monkeypatch) as sent:
        second = left(alices.api.post(path, {"amount": 1}))["money"]["r"]

    assert first - second == 1
    # The other two set the fence before the commit and lift it afterwards.
    assert len(sent) == 3


def test_scripts_that_redis_has_forgotten_are_sent_again_and_take_the_cost_once(alices: Person) -> None:
    first = alices.api.get(alices.wallet_path)
    get_redis_connection().script_flush()

    second = alices.api.get(alices.wallet_path)

    assert json_of(second) == json_of(first)
    assert reads_left(first) - reads_left(second) <= 1


def test_a_revoked_token_is_refused_although_this_process_remembers_its_user(alices: Person) -> None:
    alices.api.get("/me")
    alices.api.post("/auth/logout")

    response = alices.api.get("/me")

    assert_problem(response, "not_authenticated", 401)
    assert list(left(response)) == ["strangers"]


def test_after_a_wrong_guess_the_request_is_counted_for_its_real_user(
    alices: Person, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    bobs = person(bob)
    full = reads_left(bobs.api.get("/me"))
    monkeypatch.setattr(access, "token_owner_guess", lambda **_: bob.pk)
    monkeypatch.setattr("wallets.api.authentication.token_owner_guess", lambda **_: bob.pk)

    response = alices.api.get("/me")

    assert json_of(response)["username"] == "alice"
    # Her own bucket, from which one unit was taken, as from his.
    assert reads_left(response) >= full


def test_a_page_of_history_shows_the_current_version_not_the_last_one_seen(alices: Person) -> None:
    path = f"{alices.wallet_path}/transactions"
    for _ in range(2):
        assert len(json_of(alices.api.get(path))["results"]) == 1

    deposit_create(actor=alices.user, wallet_id=alices.wallet.pk, amount=7)

    assert [entry["amount"] for entry in json_of(alices.api.get(path))["results"]] == [7, 5_000]


def test_a_refused_read_reveals_nothing_of_the_prefetched_answer(
    alices: Person, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.THROTTLE_SCALE = 0.001
    statuses = [alices.api.get(alices.wallet_path) for _ in range(6)]

    refused = [response for response in statuses if response.status_code == 429]
    assert refused
    for response in refused:
        assert_problem(response, "rate_limited", 429)
        assert "balance" not in json_of(response)


def test_a_request_without_a_token_counts_as_anonymous() -> None:
    assert list(left(Api(token=None).get("/me"))) == ["strangers"]
