"""The connection to Redis, for code that can do without it."""

from collections.abc import Callable
from typing import TypeVar

from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import RedisError

from kit.redis.circuit_breaker import CircuitBreaker

_T = TypeVar("_T")

#: After a failure nobody tries Redis for two seconds, so that writers do not hold their locks through many timeouts.
breaker = CircuitBreaker("Redis of the cache", rest_s=2.0)


_PROBE = "wallet:cache:probe"


class RedisAwayError(Exception):
    """Redis did not answer or takes no writes, or failed a moment ago and has not been tried again."""


def redis_ask(call: Callable[[Redis], _T]) -> _T:
    """Returns what `call` gets from Redis. Raises RedisAwayError."""
    if not breaker.may_try():
        raise RedisAwayError
    try:
        client = get_redis_connection()
        if breaker.is_open:
            # A replica, and a Redis that is out of memory, answer reads. The outage ends when writers can fence again.
            client.set(_PROBE, 1, ex=1)
        answer = call(client)
    except (RedisError, OSError) as error:
        breaker.failed(error)
        raise RedisAwayError from error
    breaker.succeeded()
    return answer
