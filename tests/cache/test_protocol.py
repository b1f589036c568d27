"""Reading and fencing as the rest of the project uses them."""

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connections, transaction
from django_redis import get_redis_connection
from pytest_django import DjangoAssertNumQueries, Settings

from tests.cache.remembered import forgotten, remember, shown
from tests.queue.people import crowd_wallets
from tests.queue.waiting import wait_until
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind
from wallets import cache
from wallets.cache import (
    cache_fence,
    cache_read,
    cache_read_many,
    cache_sweep,
    value_get,
    value_put,
)
from wallets.freshness import lua
from wallets.models import User, Wallet

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "wallet:1"


def scripts_run(work: Callable[[], object]) -> int:
    """How many scripts Redis runs meanwhile."""

    def calls() -> int:
        return int(get_redis_connection().info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    before = calls()
    work()
    return calls() - before


def test_what_was_read_once_is_read_again_without_postgres(
    trusted_cache: None, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def load() -> bytes:
        return str(Wallet.objects.get(owner=alice).version).encode()

    assert cache_read(NAME, load=load) == b"0"

    with django_assert_num_queries(0):
        assert cache_read(NAME, load=load) == b"0"


def test_a_warm_read_of_many_is_one_round_trip(trusted_cache: None) -> None:
    names = [f"wallet:{number}" for number in range(50)]
    remember(names)

    assert scripts_run(lambda: forgotten(names)) == 1


def test_only_what_is_missing_is_loaded(trusted_cache: None) -> None:
    remember(["wallet:1", "wallet:3"])

    assert forgotten(["wallet:1", "wallet:2", "wallet:3", "wallet:4"]) == {"wallet:2", "wallet:4"}


def test_what_does_not_exist_is_not_remembered(trusted_cache: None) -> None:
    assert cache_read(NAME, load=lambda: None) is None

    assert shown(NAME, truth=b"born") == b"born"


def test_a_reader_who_fails_to_load_leaves_the_entry_to_others(trusted_cache: None) -> None:
    def fail() -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cache_read(NAME, load=fail)

    remember([NAME])


def test_a_crowd_of_readers_loads_once(trusted_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_reader_who_died_with_a_lease_costs_others_little_and_serves_nobody_wrong(trusted_cache: None) -> None:
    remember([NAME])
    generation = str(get_redis_connection().hget(lua.STATE, "generation"), "ascii")
    get_redis_connection().set(f"{lua.PREFIX}entry:{NAME}", f"L{generation}of-the-dead", px=5_000)

    started_s = time.monotonic()
    assert shown(NAME, truth=b"new") == b"new"
    assert time.monotonic() - started_s < 5


def test_inside_a_transaction_the_cache_is_not_asked(trusted_cache: None) -> None:
    remember([NAME])

    with transaction.atomic():
        assert shown(NAME, truth=b"not committed") == b"not committed"

    assert shown(NAME, truth=b"new") == b"old"


def test_a_fence_needs_a_transaction_to_stand_before() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        cache_fence([NAME])


def test_from_the_fence_to_the_commit_readers_see_what_is_committed(trusted_cache: None) -> None:
    remember([NAME])

    with transaction.atomic():
        cache_fence([NAME])
        _in_another_thread(lambda: shown(NAME, truth=b"still old"), b"still old")

    assert shown(NAME, truth=b"new") == b"new"
    assert shown(NAME, truth=b"newest") == b"new"


def test_after_a_write_that_was_rolled_back_reads_are_right_and_later_cached_again(
    trusted_cache: None, settings: Settings
) -> None:
    remember([NAME])

    _fence_and_roll_back([NAME])
    assert shown(NAME, truth=b"unchanged") == b"unchanged"
    assert shown(NAME, truth=b"read again") == b"read again"

    settings.CACHE_FENCE_S = 0.001
    _fence_and_roll_back(["wallet:2"])
    wait_until(lambda: not forgotten(["wallet:2"]), what="the fence has run out")


def test_the_sweep_clears_fences_that_ran_out_and_no_others(trusted_cache: None, settings: Settings) -> None:
    for number, fence_s in enumerate([0.001, 90.0]):
        settings.CACHE_FENCE_S = fence_s
        _fence_and_roll_back([f"wallet:{number}"])
    time.sleep(0.01)

    cache_sweep()

    fences = [field for field in get_redis_connection().hkeys(lua.STATE) if field.startswith(b"fence:")]
    assert fences == [b"fence:wallet:1"]


def test_a_thousand_transfers_are_fenced_and_lifted_with_a_handful_of_scripts(trusted_cache: None) -> None:
    wallets = crowd_wallets(1_000, 10)
    names = [f"wallet:{wallet.id}" for wallet in wallets]
    remember(names)
    pairs = zip(wallets, [*wallets[1:], wallets[0]], strict=True)
    commands = [
        Command(
            kind=Kind.TRANSFER, amount=1, source_id=source.id, destination_id=to.id, initiator_id=source.owner_id or 0
        )
        for source, to in pairs
    ]

    assert scripts_run(lambda: post(commands)) == 2

    assert forgotten(names) == set(names)


def test_switched_off_every_read_asks_postgres(trusted_cache: None, settings: Settings) -> None:
    remember([NAME])
    value_put("page", b"a page")

    settings.CACHE_ENABLED = False

    assert shown(NAME, truth=b"new") == b"new"
    assert value_get("page") is None


def test_a_value_that_never_changes_is_kept_as_it_is() -> None:
    value_put("page", b"\x00\xff")

    assert value_get("page") == b"\x00\xff"
    assert value_get("another") is None


def test_a_reader_is_given_the_loaded_of_many_and_none_for_the_missing(trusted_cache: None) -> None:
    assert cache_read_many(["a", "b"], load=lambda _: {"a": b"1"}) == {"a": b"1", "b": None}


def _fence_and_roll_back(names: list[str]) -> None:
    with transaction.atomic():
        cache_fence(names)
        transaction.set_rollback(True)


def _in_another_thread(work: Callable[[], object], expected: object) -> None:
    found: list[object] = []

    def run() -> None:
        found.append(work())
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert found == [expected]
