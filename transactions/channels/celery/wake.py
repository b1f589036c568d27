"""Waking Celery workers: one message for many accepted transfers.

A flag in Redis says that a message for a partition is under way; while it is set, no second one is sent. The worker
clears the flag before it looks at the table, so a transfer that is accepted after the look sets it again.
"""

from collections.abc import Iterable

import structlog
from celery import current_app
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from kit.redis.circuit_breaker import CircuitBreaker
from kit.redis.identity import redis_key

log = structlog.get_logger(__name__)

#: After this long a flag that nobody clears is gone, and the next accepted transfer sends a message again.
FLAG_TTL_S = 5
SETTLE_TASK = "transactions.tasks.partition_drain_task"

#: After a failure no message is tried for a while: accepting must not wait for a broker that is away.
breaker = CircuitBreaker("broker of the wake-ups", rest_s=2.0)


def workers_wake(partitions: Iterable[int]) -> None:
    """Sends a message for each partition that has none under way. Never raises: polling finds what is not announced."""
    for partition in partitions:
        if not breaker.may_try():
            return
        try:
            if get_redis_connection().set(_flag(partition), 1, nx=True, ex=FLAG_TTL_S):
                current_app.send_task(SETTLE_TASK, args=[partition], retry=False, ignore_result=True)
        except Exception as error:  # noqa: BLE001 - the transfers are accepted, whatever is wrong with the broker
            breaker.failed(error)
            return
        breaker.succeeded()


def wake_flag_clear(partition: int) -> None:
    """Says that a worker is about to look. A transfer that is accepted from now on sends another message."""
    try:
        get_redis_connection().delete(_flag(partition))
    except (RedisError, OSError):
        return


def _flag(partition: int) -> str:
    return redis_key(f"wake:{partition}")
