"""Locks that save work: one holder at a time, released only by their holder, and not needed when Redis is down."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from django_redis import get_redis_connection

from kit.redis.identity import redis_key
from kit.redis.locks import LockResult, lock_try
from tests.own_redis import OwnRedis
from tests.settlement.processes import processes_run
from tests.settlement.waiting import wait_until
from tests.throttling.counters import counted
from transactions import tasks
from wallets.models import ApiToken, User
from wallets.tasks import api_tokens_delete_expired
from wallets.tokens.services import token_issue


def test_of_two_attempts_one_gets_the_lock() -> None:
    with lock_try("work:1", ttl_s=10) as first, lock_try("work:1", ttl_s=10) as second:
        assert (first, second) == (LockResult.ACQUIRED, LockResult.BUSY)
        with lock_try("work:2", ttl_s=10) as other:
            assert other is LockResult.ACQUIRED


def test_the_lock_is_released_when_the_work_is_done_or_fails() -> None:
    with pytest.raises(RuntimeError, match="work"), lock_try("work:1", ttl_s=10):
        raise RuntimeError("the work")

    with lock_try("work:1", ttl_s=10) as lock:
        assert lock is LockResult.ACQUIRED


def test_an_attempt_that_did_not_get_the_lock_does_not_release_it(caplog: pytest.LogCaptureFixture) -> None:
    with lock_try("work:1", ttl_s=10):
        with lock_try("work:1", ttl_s=10):
            pass
        with lock_try("work:1", ttl_s=10) as third:
            assert third is LockResult.BUSY
    # Nor does it log that a lock ran out that it never held.
    assert not [record for record in caplog.records if record.name == "kit.redis.locks"]


def test_the_lock_of_a_dead_holder_expires() -> None:
    with lock_try("work:1", ttl_s=10):
        assert 0 < get_redis_connection().pttl(redis_key("lock:work:1")) <= 10_000


def test_the_holder_of_an_expired_lock_does_not_release_it_for_the_new_holder() -> None:
    with lock_try("work:1", ttl_s=0.05):
        wait_until(lambda: not get_redis_connection().exists(redis_key("lock:work:1")), what="the lock has expired")
        newer = lock_try("work:1", ttl_s=10)
        assert newer.__enter__() is LockResult.ACQUIRED

    with lock_try("work:1", ttl_s=10) as third:
        assert third is LockResult.BUSY
    newer.__exit__(None, None, None)


def test_wiping_redis_while_the_lock_is_held_fails_nothing() -> None:
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
def test_without_redis_the_result_is_unknown_and_counted() -> None:
    before = counted("wallet_locks", kind="work", outcome="unknown")

    with lock_try("work:1", ttl_s=10) as lock:
        assert lock is LockResult.UNKNOWN
    assert counted("wallet_locks", kind="work", outcome="unknown") == before + 1


def test_losing_redis_while_the_lock_is_held_fails_nothing(own_redis: OwnRedis) -> None:
    with lock_try("work:1", ttl_s=10) as lock:
        own_redis.stop()
    assert lock is LockResult.ACQUIRED


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the audit logged."""
    return [record.msg["event"] for record in caplog.records if record.name == "transactions.tasks"]  # type: ignore[index]


@pytest.mark.django_db(transaction=True)
def test_the_books_are_not_audited_twice_at_the_same_time(caplog: pytest.LogCaptureFixture) -> None:
    with lock_try("audit", ttl_s=10):
        tasks.audit_nightly()
    assert events(caplog) == ["books_audited_already"]

    tasks.audit_nightly()
    assert events(caplog) == ["books_audited_already", "books_balance"]


@pytest.mark.django_db(transaction=True)
def test_an_audit_that_a_dead_worker_began_is_done_by_the_next_one(caplog: pytest.LogCaptureFixture) -> None:
    """Celery redelivers the message, and the lock that the dead worker left behind is ignored."""
    with lock_try("audit", ttl_s=10):
        _redelivered()
    assert events(caplog) == ["books_balance"]


def _redelivered() -> None:
    task: Any = tasks.audit_nightly
    task.push_request(delivery_info={"redelivered": True})
    try:
        task.run()
    finally:
        task.pop_request()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_redis")
def test_the_books_are_audited_without_redis_too(caplog: pytest.LogCaptureFixture) -> None:
    tasks.audit_nightly()

    assert events(caplog) == ["books_balance"]


def test_expired_tokens_are_not_swept_twice_at_the_same_time(alice: User) -> None:
    token, _ = token_issue(user=alice, name="old")
    ApiToken.objects.filter(pk=token.pk).update(expiry=timezone.now() - timedelta(minutes=1))

    with lock_try("sweep:tokens", ttl_s=10):
        api_tokens_delete_expired()
    assert ApiToken.objects.exists()

    api_tokens_delete_expired()
    assert not ApiToken.objects.exists()
