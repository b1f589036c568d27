"""Locks in Redis that several processes share. They save work; nothing is ever right because of one.

A lock may be lost (Redis wiped, restarted, or its time up while the work goes on) and may be unknown (Redis away).
So whoever takes one must be correct without it: see "Locks" in ARCHITECTURE.md, which lists each use.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

import structlog
from django_redis import get_redis_connection
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from telemetry import metrics

log = structlog.get_logger(__name__)


class LockResult(Enum):
    """What became of an attempt to take a lock."""

    ACQUIRED = "yes"
    #: Somebody else holds it: the work is being done.
    BUSY = "busy"
    #: Redis cannot be asked. The caller does without the lock, or leaves the work to the next time.
    UNKNOWN = "unknown"


@contextmanager
def lock_try(name: str, *, ttl_s: float) -> Iterator[LockResult]:
    """Takes the lock without waiting, and gives it back at the end unless somebody else holds it by then.

    `name` is the kind of work, and what it is done to after a colon: "warm-up:7". `ttl_s` is longer than the work
    takes: after it the lock is free again, even if its holder died.
    """
    lock = _lock(name, ttl_s)
    result = _acquire(lock)
    metrics.locks.labels(kind=name.partition(":")[0], outcome=result.value).inc()
    try:
        yield result
    finally:
        if result is LockResult.ACQUIRED:
            _release(lock, name)


def _lock(name: str, ttl_s: float) -> Lock:
    # The token is this object's own and not the thread's: what one thread takes another may give back.
    return Lock(get_redis_connection(), f"wallet:lock:{name}", timeout=ttl_s, blocking=False, thread_local=False)


def _acquire(lock: Lock) -> LockResult:
    try:
        return LockResult.ACQUIRED if lock.acquire() else LockResult.BUSY
    except (RedisError, OSError):
        return LockResult.UNKNOWN


def _release(lock: Lock, name: str) -> None:
    try:
        # Compares the token and deletes in one step: a lock that ran out and was taken anew stays its new holder's.
        lock.release()
    except LockError:
        log.info("lock_ran_out", lock=name.partition(":")[0])
    except (RedisError, OSError) as error:
        log.warning("lock_not_given_back", lock=name.partition(":")[0], error=type(error).__name__)
