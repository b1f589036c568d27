"""Django's own caches: no pickles, and nothing that somebody else wrote."""

from pathlib import Path

import pytest
from django.core.cache import cache, caches
from django.test import Client
from pytest_django import Settings

from kit.cache import link
from kit.limits import buckets
from tests.cache.readers import with_session, with_token
from tests.hostile_redis.attacker import Attacker, pickled
from tests.people import PASSWORD
from wallets.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _limits(settings: Settings) -> None:
    settings.THROTTLE_ENABLED = True
    buckets.redis_breaker.succeeded()


def test_a_pickle_in_any_key_is_never_run(attacker: Attacker, alice: User, settings: Settings, tmp_path: Path) -> None:
    settings.CACHE_TRUST_MS = 100
    phone, browser = with_token(alice), with_session(alice)
    ran = tmp_path / "ran"

    def use_everything() -> list[int]:
        visitor, statuses = Client(), []
        for call in (
            lambda: visitor.post("/accounts/login/", {"login": "alice", "password": PASSWORD}),
            lambda: phone.api.get(phone.wallet_path),
            lambda: phone.api.get(f"{phone.wallet_path}/transactions"),
            lambda: browser.api.client.get("/"),
        ):
            # A key that it cannot use makes the site leave Redis alone for a while.
            buckets.redis_breaker.succeeded()
            link.breaker.succeeded()
            statuses.append(call().status_code)
        return statuses

    assert use_everything() == [302, 200, 200, 200]
    assert len(attacker.keys("limits")) > 0
    for _ in range(2):
        for key in list(attacker.keys()):
            attacker.redis.delete(key)
            attacker.put(key, pickled(ran))
        assert use_everything() == [302, 200, 200, 200]

    assert not ran.exists()


def test_values_come_back_as_they_were_stored() -> None:
    cache.set("list", [1, "two", None, {"three": 3.5}])
    cache.set_many({"one": 1, "yes": True}, version=2)

    assert cache.get("list") == [1, "two", None, {"three": 3.5}]
    assert cache.get_many(["one", "yes", "no"], version=2) == {"one": 1, "yes": True}
    assert (cache.get("one"), cache.get("one", "another")) == (None, "another")
    assert cache.add("list", "is there") is False
    assert cache.add("new", "value") is True
    assert cache.get("new") == "value"


@pytest.mark.parametrize("forged", [b"1", b'"y"', b"", b"\xff" * 40])
def test_a_value_that_is_not_ours_counts_as_missing(forged: bytes, attacker: Attacker) -> None:
    cache.set("mark", "ours")
    [key] = attacker.keys("mark")

    attacker.put(key, forged)

    assert cache.get("mark", "missing") == "missing"


def test_a_value_is_not_accepted_under_another_key(attacker: Attacker) -> None:
    cache.set("mine", "value")
    cache.set("yours", "another")
    [mine], [yours] = attacker.keys("mine"), attacker.keys("yours")

    attacker.put(yours, attacker.redis.get(mine))

    assert cache.get("yours") is None


def test_a_key_of_another_type_counts_as_missing(attacker: Attacker) -> None:
    cache.set("mark", "ours")
    [key] = attacker.keys("mark")
    attacker.redis.delete(key)
    attacker.redis.rpush(key, "a list")

    assert cache.get("mark") is None


def test_the_cache_of_counters_stores_nothing_else() -> None:
    caches["limits"].set("count", 1)
    assert caches["limits"].incr("count") == 2

    with pytest.raises(TypeError):
        caches["limits"].set("object", {"a": 1})
