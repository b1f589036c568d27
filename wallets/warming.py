"""Asks Celery to warm reads that somebody is about to make. Nothing waits for it and nothing needs it."""

from collections.abc import Collection
from typing import Any

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from kit.redis.circuit_breaker import CircuitBreaker
from telemetry import metrics
from wallets.watch import watched_take

#: A message that lay for longer is not worth doing: by then the reads were made.
_EXPIRES_S = 10
#: A hot batch may change more that are looked at. The next looks at those are answered from Postgres, once each.
_WALLETS_MAX = 100

breaker = CircuitBreaker("broker of the warm-ups", rest_s=2.0)


def person_warm_up(user_id: int) -> None:
    """Somebody has signed in, and will look at balances and at what happened last."""
    _send(settings.WARM_PERSON_TASK, user_id)


def watched_warm_up(wallet_ids: Collection[int]) -> None:
    """These wallets have changed: those among them that somebody is looking at are warmed."""
    watched = watched_take(wallet_ids)[:_WALLETS_MAX]
    if watched:
        _send(settings.WARM_WALLETS_TASK, watched)


def _send(task: str, argument: Any) -> None:
    if not breaker.may_try():
        return
    try:
        current_app.send_task(task, args=[argument], retry=False, ignore_result=True, expires=_EXPIRES_S)
    except (BrokerError, RedisError, OSError) as error:
        breaker.failed(error)
        metrics.warm_ups.labels(outcome="unsent").inc()
        return
    breaker.succeeded()
