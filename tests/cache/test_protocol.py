"""Reading and fencing, as the rest of the project uses them."""

import threading
import time

import pytest
from django.db import connections, transaction
from django_redis import get_redis_connection
from pytest_django import DjangoAssertNumQueries, Settings

from kit.cache import protocol as cache
from kit.cache import steps
from kit.cache.protocol import cache_read, cache_read_many, value_get, value_put
from kit.redis.identity import redis_key
from tests.cache.remembered import forgotten, remember, scripts_run, shown
from wallets.models import User, Wallet

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "wallet:1"


def test_a_second_read_takes_no_query(
    trusted_cache: None, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def load() -> bytes:
        return str(Wallet.objects.get(owner=alice).version).encode()

    assert cache_read(NAME, load=load) == b"0"

    with django_assert_num_queries(0):
        assert cache_read(NAME, load=load) == b"0"


def test_a_value_that_no_eviction_reaches_expires_after_five_minutes(trusted_cache: None) -> None:
    remember([NAME])
    value_put("page", b"a page")

    client = get_redis_connection()
    assert 0 < client.ttl(steps.entry_key(NAME)) <= 300
    assert 0 < client.ttl(redis_key("cache:value:page")) <= 300


def test_a_warm_read_of_many_names_takes_one_round_trip(trusted_cache: None) -> None:
    names = [f"wallet:{number}" for number in range(50)]
    remember(names)

    assert scripts_run(lambda: forgotten(names)) == 1


def test_only_missing_names_are_loaded(trusted_cache: None) -> None:
    remember(["wallet:1", "wallet:3"])

    assert forgotten(["wallet:1", "wallet:2", "wallet:3", "wallet:4"]) == {"wallet:2", "wallet:4"}


def test_a_missing_object_is_not_cached(trusted_cache: None) -> None:
    assert cache_read(NAME, load=lambda: None) is None

    assert shown(NAME, truth=b"born") == b"born"


def test_a_reader_that_fails_to_load_leaves_the_slot_to_others(trusted_cache: None) -> None:
    def fail() -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cache_read(NAME, load=fail)

    remember([NAME])


def test_many_concurrent_readers_load_once(trusted_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_PATIENCE_S", 20)
    loads, start = [], threading.Barrier(8)

    def load() -> bytes:
        loads.append(threading.get_ident())
        time.sleep(0.03)
        return b"heavy"

    def read() -> None:
        start.wait(20)
        assert cache_read(NAME, load=load) == b"heavy"
        connections.close_all()

    crowd = [threading.Thread(target=read) for _ in range(8)]
    assert shown("another", truth=b"renews the trust") is not None
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(20)
    assert len(loads) == 1


def test_a_reader_that_died_with_a_lease_delays_others_little_and_makes_no_read_wrong(trusted_cache: None) -> None:
    remember(["another"])
    client = get_redis_connection()
    assert steps.names_look(client, [NAME]).leased

    started_s = time.monotonic()
    assert shown(NAME, truth=b"new") == b"new"
    assert time.monotonic() - started_s < 5
    assert 0 < client.pttl(steps.entry_key(NAME)) <= steps.LEASE_MS


def test_reads_inside_a_transaction_bypass_the_cache(trusted_cache: None) -> None:
    remember([NAME])

    with transaction.atomic():
        assert shown(NAME, truth=b"not committed") == b"not committed"

    assert shown(NAME, truth=b"new") == b"old"


def test_with_the_cache_disabled_every_read_comes_from_postgres(trusted_cache: None, settings: Settings) -> None:
    remember([NAME])
    value_put("page", b"a page")

    settings.CACHE_ENABLED = False

    assert shown(NAME, truth=b"new") == b"new"
    assert value_get("page") is None


def test_a_value_that_never_changes_is_stored_unchanged() -> None:
    value_put("page", b"\x00\xff")

    assert value_get("page") == b"\x00\xff"
    assert value_get("another") is None


def test_a_read_of_many_returns_none_for_missing_objects(trusted_cache: None) -> None:
    assert cache_read_many(["a", "b"], load=lambda _: {"a": b"1"}) == {"a": b"1", "b": None}
