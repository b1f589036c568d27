"""Locks that save work: one at a time, given back, never somebody else's, and done without when Redis is away."""

from typing import Any

import pytest
from django.core.cache import cache
from django_redis import get_redis_connection

from kit.redis.locks import LockResult, lock_try
from telemetry import metrics
from tests.queue.processes import processes_run
from tests.queue.waiting import wait_until
from tests.throttling.own_redis import OwnRedis
from transactions import tasks
from wallets import tasks as housekeeping


def test_of_two_who_try_one_gets_the_lock() -> None:
    with lock_try("work:1", ttl_s=10) as first, lock_try("work:1", ttl_s=10) as second:
        assert (first, second) == (LockResult.ACQUIRED, LockResult.BUSY)
        with lock_try("work:2", ttl_s=10) as other:
            assert other is LockResult.ACQUIRED


def test_the_lock_is_free_again_when_the_work_is_done_or_failed() -> None:
    with pytest.raises(RuntimeError, match="work"), lock_try("work:1", ttl_s=10):
        raise RuntimeError("the work")

    with lock_try("work:1", ttl_s=10) as lock:
        assert lock is LockResult.ACQUIRED


def test_who_did_not_get_the_lock_does_not_give_it_back(caplog: pytest.LogCaptureFixture) -> None:
    with lock_try("work:1", ttl_s=10):
        with lock_try("work:1", ttl_s=10):
            pass
        with lock_try("work:1", ttl_s=10) as third:
            assert third is LockResult.BUSY
    # Nor does it say that a lock ran out which it never had.
    assert not [record for record in caplog.records if record.name == "kit.redis.locks"]


def test_the_lock_of_a_holder_that_died_runs_out() -> None:
    with lock_try("work:1", ttl_s=10):
        assert 0 < get_redis_connection().pttl("wallet:lock:work:1") <= 10_000


def test_a_lock_that_ran_out_stays_with_its_new_holder() -> None:
    with lock_try("work:1", ttl_s=0.05):
        wait_until(lambda: not get_redis_connection().exists("wallet:lock:work:1"), what="the lock has run out")
        newer = lock_try("work:1", ttl_s=10)
        assert newer.__enter__() is LockResult.ACQUIRED

    with lock_try("work:1", ttl_s=10) as third:
        assert third is LockResult.BUSY
    newer.__exit__(None, None, None)


def test_a_wiped_redis_forgets_the_lock_and_nobody_fails() -> None:
    with lock_try("work:1", ttl_s=10) as lock:
        cache.clear()
    assert lock is LockResult.ACQUIRED


def _take() -> str:
    with lock_try("work:1", ttl_s=60) as lock:
        get_redis_connection().incr("tried")
        wait_until(lambda: int(get_redis_connection().get("tried")) == 4, what="all have tried", timeout_s=30)
        return lock.name


def test_of_several_processes_one_gets_the_lock(forkable: None) -> None:
    taken = processes_run(_take, [()] * 4)

    assert sorted(taken) == ["ACQUIRED", "BUSY", "BUSY", "BUSY"]


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_so_and_counts_it() -> None:
    counter = metrics.locks.labels(kind="work", outcome="unknown")
    before = counter._value.get()

    with lock_try("work:1", ttl_s=10) as lock:
        assert lock is LockResult.UNKNOWN
    assert counter._value.get() == before + 1


def test_a_redis_that_goes_while_the_work_is_done_hurts_nobody(own_redis: OwnRedis) -> None:
    with lock_try("work:1", ttl_s=10) as lock:
        own_redis.stop()
    assert lock is LockResult.ACQUIRED


@pytest.fixture
def audits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    done: list[str] = []
    monkeypatch.setattr(tasks, "_audit", lambda: done.append("audit"))
    return done


def test_two_beats_audit_the_books_once(audits: list[str]) -> None:
    with lock_try("audit", ttl_s=10):
        tasks.audit_nightly()
    assert audits == []

    tasks.audit_nightly()
    assert audits == ["audit"]


def test_the_audit_of_a_worker_that_died_is_done_by_the_next_one(audits: list[str]) -> None:
    """Its message comes again, and the lock it left behind is no reason to leave the books unaudited."""
    with lock_try("audit", ttl_s=10):
        _redelivered()
    assert audits == ["audit"]


def _redelivered() -> None:
    task: Any = tasks.audit_nightly
    task.push_request(delivery_info={"redelivered": True})
    try:
        task.run()
    finally:
        task.pop_request()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_the_books_are_audited_all_the_same(audits: list[str]) -> None:
    tasks.audit_nightly()

    assert audits == ["audit"]


def test_two_beats_sweep_once(monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[str] = []
    monkeypatch.setattr(housekeeping, "tokens_delete_expired", lambda: swept.append("tokens"))

    with lock_try("sweep:tokens", ttl_s=10):
        housekeeping.api_tokens_delete_expired()
    assert swept == []

    housekeeping.api_tokens_delete_expired()
    assert swept == ["tokens"]
