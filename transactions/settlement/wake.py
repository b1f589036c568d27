"""Waking the drainers: one message for many accepts. A lost message costs time, never a transfer.

A flag in Redis says that a message is on its way to a partition's drainer; while it stands, no second one is sent.
The drainer takes the flag down before it looks at the table, so whatever is accepted after that look raises it again.
The sweep finds what a lost message, a lost flag or a dead broker left lying.
"""

import time
from collections.abc import Iterable

import structlog
from celery import current_app
from django_redis import get_redis_connection
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

#: How long a flag stands if nobody takes it down: after this the next accept sends a message again.
FLAG_TTL_S = 5
#: After a failure no message is tried for this long: accepting must not wait for a broker that is away.
_BROKER_REST_S = 2.0
DRAIN_TASK = "transactions.tasks.partition_drain_task"

_broker_away_until = 0.0


def drainers_wake(partitions: Iterable[int]) -> None:
    """Sends one message to the drainer of each partition that has none on its way. Never raises for a broker's sake."""
    global _broker_away_until  # noqa: PLW0603 - what this process knows of the broker
    for partition in partitions:
        if time.monotonic() < _broker_away_until:
            return
        try:
            if get_redis_connection().set(_flag(partition), 1, nx=True, ex=FLAG_TTL_S):
                current_app.send_task(DRAIN_TASK, args=[partition], retry=False, ignore_result=True)
        except (BrokerError, RedisError, OSError) as error:
            _broker_away_until = time.monotonic() + _BROKER_REST_S
            log.warning("drainer_not_woken", partition=partition, error=type(error).__name__)


def wake_flag_drop(partition: int) -> None:
    """Says that the drainer is about to look: what is accepted from now on wakes it again."""
    try:
        get_redis_connection().delete(_flag(partition))
    except (RedisError, OSError):
        return


def _flag(partition: int) -> str:
    return f"wallet:wake:{partition}"
