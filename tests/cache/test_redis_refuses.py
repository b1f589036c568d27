"""Redis answers, but takes no writes: it became a replica, is out of memory, or is loading. For everybody it is away:
no errors, and never an old value."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from kit.cache import link
from kit.cache.link import RedisAwayError, redis_ask
from kit.cache.protocol import cache_sweep
from kit.limits.buckets import redis_breaker
from kit.models import Unevicted
from kit.redis.locks import LockResult, lock_try
from tests.api.client import Api
from tests.cache.remembered import forgotten, remember, shown
from tests.people import PASSWORD
from tests.settlement.broker import Broker
from tests.settlement.waiting import wait_until
from transactions.services import deposit_create
from wallet_project.health import ready_in_detail
from wallets.cache_names import wallet_name
from wallets.models import User, Wallet
from wallets.tokens.services import token_issue

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

Refusal = Callable[[Broker], None]
REFUSALS = pytest.mark.parametrize(
    "refuse", [pytest.param(Broker.demote, id="replica"), pytest.param(Broker.fill, id="out of memory")]
)


@pytest.fixture
def alice_wallet(own_redis: Broker, trusted_cache: None, alice: User, settings: Settings) -> Wallet:
    settings.CACHE_TRUST_MS = 400
    redis_breaker.succeeded()
    return Wallet.objects.get(owner=alice)


def _json(response: HttpResponse) -> Any:
    return json.loads(response.content)


@REFUSALS
def test_a_value_that_a_reader_still_trusts_is_old_for_nobody_after_the_write(
    own_redis: Broker, alice: User, alice_wallet: Wallet, refuse: Refusal
) -> None:
    """It can still be read there, although the writer can neither fence nor evict it."""
    name = wallet_name(alice_wallet.id)
    remember([name])
    refuse(own_redis)
    # Trusted, which needs no write.
    assert shown(name, truth=b"new") == b"old"

    deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5)
    # Whatever this process thinks of Redis, another process may not have noticed yet.
    link.breaker.succeeded()

    assert shown(name, truth=b"new") == b"new"


@REFUSALS
def test_readers_see_every_acknowledged_write_while_redis_refuses_and_recovers(
    own_redis: Broker, alice: User, alice_wallet: Wallet, refuse: Refusal
) -> None:
    acknowledged, stale, over = 0, [], threading.Event()
    _, token = token_issue(user=alice, name="test")
    api = Api(token=token)

    def read() -> None:
        reader = Api(token=token)
        while not over.is_set():
            least = acknowledged
            response = reader.get(f"/wallets/{alice_wallet.id}")
            if response.status_code != 200 or _json(response)["balance"] < least:
                stale.append((least, response.status_code, response.content))
        connections.close_all()

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(40):
            if turn in {10, 25}:
                refuse(own_redis)
            if turn in {18, 33}:
                own_redis.recover()
            assert api.post(f"/wallets/{alice_wallet.id}/deposits", {"amount": 1}).status_code == 201
            acknowledged += 1
            time.sleep(0.05)
    finally:
        over.set()
        for thread in threads:
            thread.join()

    assert stale == []


@REFUSALS
def test_limits_locks_and_sign_in_work_without_it(
    own_redis: Broker, alice_wallet: Wallet, settings: Settings, refuse: Refusal
) -> None:
    settings.THROTTLE_ENABLED = True
    refuse(own_redis)

    api = Api()
    answer = api.post("/auth/login", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 200
    assert Api(token=_json(answer)["token"]).get("/me")["RateLimit"]
    page = Client().post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert page.status_code == 302
    with lock_try("audit", ttl_s=10) as taken:
        assert taken is LockResult.UNKNOWN


@REFUSALS
def test_an_outage_ends_when_redis_takes_writes_and_not_when_it_answers_a_read(
    own_redis: Broker, alice: User, alice_wallet: Wallet, refuse: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(own_redis)
    deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5)
    assert link.breaker.is_open
    monkeypatch.setattr(link.breaker, "_rest_s", 0.0)
    time.sleep(2.1)

    with pytest.raises(RedisAwayError):
        redis_ask(lambda client: client.get("anything"))
    assert link.breaker.is_open

    own_redis.recover()
    assert redis_ask(lambda client: client.get("anything")) is None
    cache_sweep()
    assert not Unevicted.objects.exists()
    name = wallet_name(alice_wallet.id)
    wait_until(lambda: not forgotten([name]), what="the name is cached again")


def test_a_redis_that_is_loading_is_away(own_redis: Broker, alice: User, alice_wallet: Wallet) -> None:
    own_redis.restart_loading(keys=10_000, key_delay_us=500)
    wait_until(own_redis.is_loading, what="Redis is loading")

    deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5)
    _, token = token_issue(user=alice, name="test")
    assert _json(Api(token=token).get(f"/wallets/{alice_wallet.id}"))["balance"] == 5
    assert own_redis.is_loading()

    wait_until(lambda: not own_redis.is_loading(), what="Redis has loaded")


def details() -> tuple[int, str]:
    """The status of /readyz, and what the internal port says about Redis."""
    ready = ready_in_detail()
    return ready.status, json.loads(ready.body)["parts"]["redis"]


@pytest.mark.parametrize(
    ("refuse", "state"),
    [
        pytest.param(Broker.demote, "read-only", id="replica"),
        pytest.param(Broker.fill, "out of memory", id="out of memory"),
    ],
)
def test_readiness_reports_it(own_redis: Broker, refuse: Refusal, state: str) -> None:
    refuse(own_redis)
    assert details() == (200, state)

    own_redis.recover()
    assert details() == (200, "ok")


def test_readiness_reports_that_it_is_loading(own_redis: Broker) -> None:
    own_redis.restart_loading(keys=10_000, key_delay_us=300)
    wait_until(own_redis.is_loading, what="Redis is loading")

    assert details() == (200, "loading")
    wait_until(lambda: not own_redis.is_loading(), what="Redis has loaded")
