"""Locks in Redis, shared by all processes. They save work; correctness never depends on one.

A lock can be lost (Redis wiped or restarted, or the lock expired before the work was done), and Redis can be down. So
the holder's work must be correct without the lock. docs/design/locks.md lists every use.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

import structlog
from django_redis import get_redis_connection
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from kit.redis.identity import redis_key
from telemetry import metrics

log = structlog.get_logger(__name__)


class LockResult(Enum):
    """The outcome of an attempt to take a lock. The values are labels of the metric `wallet_locks_total`."""

    ACQUIRED = "yes"
    #: Someone else holds the lock and is doing the work.
    BUSY = "busy"
    #: Redis is down. The caller works without the lock, or leaves the work for the next time.
    UNKNOWN = "unknown"


@contextmanager
def lock_try(name: str, *, ttl_s: float) -> Iterator[LockResult]:
    """Takes the lock without waiting, and releases it at the end unless someone else holds it by then.

    `name` is the kind of work, optionally followed by a colon and its object: "warm-up:7". After `ttl_s` seconds the
    lock is free even if its holder died, so `ttl_s` must be longer than the work takes.
    """
    lock, result = _acquire(name, ttl_s)
    metrics.locks.labels(kind=name.partition(":")[0], outcome=result.value).inc()
    try:
        yield result
    finally:
        if lock is not None and result is LockResult.ACQUIRED:
            _release(lock, name)


def _acquire(name: str, ttl_s: float) -> tuple[Lock | None, LockResult]:
    try:
        # The token belongs to this object, not to the thread: one thread may take the lock and another release it.
        key = redis_key(f"lock:{name}")
        lock = Lock(get_redis_connection(), key, timeout=ttl_s, blocking=False, thread_local=False)
        return lock, LockResult.ACQUIRED if lock.acquire() else LockResult.BUSY
    except (RedisError, OSError):
        return None, LockResult.UNKNOWN


def _release(lock: Lock, name: str) -> None:
    try:
        # Compares the token and deletes in one step. If the lock expired and someone else took it, they keep it.
        lock.release()
    except LockError:
        log.info("lock_ran_out", lock=name.partition(":")[0])
    except (RedisError, OSError) as error:
        log.warning("lock_not_given_back", lock=name.partition(":")[0], error=type(error).__name__)
