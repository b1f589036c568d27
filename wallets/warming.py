"""Asks Celery to warm reads that a user will probably make. Nobody waits for it, and correctness does not depend on
it."""

from collections.abc import Collection
from typing import Any

from celery import current_app
from django.conf import settings

from kit.redis.circuit_breaker import CircuitBreaker
from telemetry import metrics
from wallets.viewed import viewed_take

#: An older message is dropped: by then the user has made the reads.
_EXPIRES_S = 10
#: If a batch changes more viewed wallets, the rest are not warmed; their next reads come from Postgres, once each.
WALLETS_MAX = 100

breaker = CircuitBreaker("broker of the warm-ups", rest_s=2.0)


def person_warm_up(user_id: int) -> None:
    """Warms the balances and recent history of a user who has just signed in."""
    _send(settings.WARM_PERSON_TASK, user_id)


def viewed_warm_up(wallet_ids: Collection[int]) -> None:
    """These wallets have changed. Warms those among them that somebody is viewing."""
    watched = viewed_take(wallet_ids)[:WALLETS_MAX]
    if watched:
        _send(settings.WARM_WALLETS_TASK, watched)


def _send(task: str, argument: Any) -> None:
    if not breaker.may_try():
        return
    try:
        current_app.send_task(task, args=[argument], retry=False, ignore_result=True, expires=_EXPIRES_S)
    except Exception as error:  # noqa: BLE001 - whatever a broker answers, nobody's sign-in fails because of it
        breaker.failed(error)
        metrics.warm_ups.labels(outcome="unsent").inc()
        return
    breaker.succeeded()
