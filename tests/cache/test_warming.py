"""Reads that a user will probably make are warmed in the background, once."""

import base64
import json
import threading
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django_redis import get_redis_connection

from kit.redis.identity import redis_key
from kit.redis.locks import lock_try
from tests.api.client import Api, json_of
from tests.cache.readers import no_queries, some_queries, with_session, with_token
from tests.pages.kit import fill, give, settle, submitted
from tests.people import PASSWORD
from transactions.selectors import entry_page
from transactions.tasks import person_warm_task, wallets_warm_task
from transactions.warming import wallet_warm
from wallets import viewed, warming
from wallets.models import User
from wallets.services import wallet_open
from wallets.warming import person_warm_up

pytestmark = pytest.mark.usefixtures("trusted_cache")

TASKS: dict[str, Any] = {
    settings.WARM_PERSON_TASK: person_warm_task,
    settings.WARM_WALLETS_TASK: wallets_warm_task,
}


@pytest.fixture(autouse=True)
def _nobody_has_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes all marks of viewed wallets, and closes the broker's circuit breaker."""
    warming.breaker.succeeded()
    monkeypatch.setattr(viewed, "_marked_s", {})


def warm_ups() -> list[tuple[str, Any]]:
    """Takes the waiting warm-ups from the broker: task and argument."""
    client = get_redis_connection()
    messages = [json.loads(message) for message in client.lrange("celery", 0, -1)]
    client.delete("celery")
    tasks = [(message["headers"]["task"], json.loads(base64.b64decode(message["body"]))[0]) for message in messages]
    return [(task, args[0]) for task, args in tasks if task in TASKS]


def worker_works() -> int:
    """Does the worker's work. Returns how many warm-ups there were."""
    waiting = warm_ups()
    for task, argument in waiting:
        TASKS[task](argument)
    return len(waiting)


@pytest.mark.parametrize("entry_point", ["form", "api"])
def test_after_sign_in_the_first_reads_are_warm(alice: User, entry_point: str) -> None:
    give(alice, 5_000)
    wallet_open(owner=alice, currency="EUR")
    if entry_point == "form":
        fill(Client(), "/accounts/login/", login="alice", password=PASSWORD)
    else:
        assert Api().post("/auth/login", {"username": "alice", "password": PASSWORD}).status_code == 200

    assert worker_works() == 1

    with some_queries():
        reader = with_token(alice)
        browser = with_session(alice).api.client
        reader.api.get("/me")
        browser.get("/settings/")
    with no_queries():
        listed = json_of(reader.api.get("/wallets"))["results"]
        assert [wallet["balance"] for wallet in listed] == [5_000, 0]
        for wallet in listed:
            reader.api.get(f"/wallets/{wallet['id']}/transactions")
        assert browser.get("/").status_code == 200


def test_after_a_settlement_viewed_wallets_are_warm(alice: User, bob: User) -> None:
    give(alice, 5_000)
    reader, other = with_token(alice), with_token(bob)
    submitted(alice, amount=1_000)
    reader.api.get(reader.wallet_path)
    settle()

    assert warm_ups() == [(settings.WARM_WALLETS_TASK, [reader.wallet.pk])]
    wallets_warm_task([reader.wallet.pk])

    other.api.get("/wallets")
    with no_queries():
        assert json_of(reader.api.get(reader.wallet_path))["balance"] == 4_000
        assert len(json_of(reader.api.get(f"{reader.wallet_path}/transactions"))["results"]) == 2


@pytest.mark.parametrize("path", ["/", "/live/"])
def test_the_dashboard_marks_its_wallet_as_viewed(alice: User, bob: User, path: str) -> None:
    give(alice, 5_000)
    browser = with_session(bob)
    submitted(alice, amount=1_000)
    browser.api.client.get(path)
    settle()

    assert worker_works() == 1

    with no_queries():
        assert b"$10" in browser.api.client.get(path).content


def test_a_wallet_that_nobody_views_is_not_warmed(alice: User, bob: User) -> None:
    give(alice, 5_000)
    submitted(alice, amount=1_000)
    settle()

    assert warm_ups() == []


def test_each_view_causes_at_most_one_warm_up(alice: User, bob: User) -> None:
    give(alice, 5_000)
    reader = with_token(alice)
    reader.api.get(reader.wallet_path)
    for _ in range(3):
        submitted(alice, amount=100)
        settle()
    assert len(warm_ups()) == 1

    viewed._marked_s.clear()  # some seconds later
    reader.api.get(reader.wallet_path)
    submitted(alice, amount=100)
    settle()
    assert len(warm_ups()) == 1


def test_repeated_refreshes_mark_a_wallet_once(alice: User) -> None:
    reader = with_token(alice)
    for _ in range(5):
        reader.api.get(reader.wallet_path)
    client = get_redis_connection()
    assert 0 < client.ttl(redis_key(f"watch:{reader.wallet.pk}")) <= viewed.VIEWED_S
    client.delete(redis_key(f"watch:{reader.wallet.pk}"))

    reader.api.get(reader.wallet_path)

    assert not client.exists(redis_key(f"watch:{reader.wallet.pk}"))


def test_of_many_concurrent_warm_ups_of_a_wallet_one_works(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    give(alice, 5_000)
    wallet_id = alice.wallets.get().pk
    made: list[int] = []
    may_go_on, is_at_it = threading.Event(), threading.Event()

    def slowly(**named: Any) -> Any:
        made.append(named["wallet_id"])
        is_at_it.set()
        assert may_go_on.wait(20)
        return entry_page(**named)

    monkeypatch.setattr("transactions.reads.entry_page", slowly)
    first = threading.Thread(target=_in_a_thread, args=[wallet_id])
    first.start()
    assert is_at_it.wait(20)
    for _ in range(5):
        wallet_warm(wallet_id=wallet_id)
    may_go_on.set()
    first.join(20)

    assert made == [wallet_id]


def test_a_warm_up_expires_if_no_worker_takes_it_soon(alice: User) -> None:
    person_warm_up(alice.pk)

    (message,) = get_redis_connection().lrange("celery", 0, -1)
    assert json.loads(message)["headers"]["expires"] is not None


def test_the_lock_of_a_warm_up_that_died_expires(alice: User) -> None:
    with lock_try(f"warm-up:{alice.wallets.get().pk}", ttl_s=10):
        ttl_ms = get_redis_connection().pttl(redis_key(f"lock:warm-up:{alice.wallets.get().pk}"))
    assert 0 < ttl_ms <= 10_000


def test_a_warm_up_of_an_unknown_user_or_wallet_is_no_fault(alice: User) -> None:
    person_warm_task(0)
    wallets_warm_task([0, 840])


def _in_a_thread(wallet_id: int) -> None:
    try:
        wallet_warm(wallet_id=wallet_id)
    finally:
        connection.close()
