"""Housekeeping tasks for Celery: they delete what has expired and finish what an outage interrupted."""

from importlib import import_module

from celery import shared_task
from django.conf import settings

from kit.cache.protocol import cache_sweep
from kit.redis.locks import LockResult, lock_try
from wallets.addresses import addresses_delete_expired
from wallets.auth.guessing import budgets_delete_whole
from wallets.auth.security_log import security_events_delete_old
from wallets.auth.wallet_service.nonces import nonces_delete_expired
from wallets.services import wallets_owed_sweep
from wallets.tokens.services import tokens_delete_expired


@shared_task
def sessions_delete_expired() -> None:
    """Deletes expired browser sessions."""
    with lock_try("sweep:sessions", ttl_s=settings.CELERY_TASK_TIME_LIMIT) as lock:
        if lock is not LockResult.BUSY:
            import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


@shared_task
def api_tokens_delete_expired() -> None:
    """Deletes expired API tokens."""
    with lock_try("sweep:tokens", ttl_s=settings.CELERY_TASK_TIME_LIMIT) as lock:
        if lock is not LockResult.BUSY:
            tokens_delete_expired()


@shared_task
def guess_budgets_delete_whole() -> None:
    """Deletes guessing budgets that are whole again."""
    budgets_delete_whole()


@shared_task(name="wallets.tasks.security_events_delete_old")
def security_events_task() -> None:
    """Deletes security events that are older than the log keeps them."""
    while security_events_delete_old():
        pass


@shared_task
def addresses_delete_expired_task() -> None:
    """Deletes expired links that confirm an address or undo a change of it."""
    with lock_try("sweep:addresses", ttl_s=settings.CELERY_TASK_TIME_LIMIT) as lock:
        if lock is not LockResult.BUSY:
            addresses_delete_expired()


@shared_task
def cache_sweep_task() -> None:
    """Evicts the names that writers could not evict while Redis was away."""
    cache_sweep()


@shared_task
def wallets_owed_task() -> None:
    """Opens the first wallets of accounts that were created while the wallet service was away."""
    wallets_owed_sweep()


@shared_task
def nonces_delete_expired_task() -> None:
    """Deletes the nonces of assertions that nobody accepts any more."""
    nonces_delete_expired()
