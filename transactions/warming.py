"""Warming: reads that somebody is about to make are made beforehand, and so lie in the cache."""

from kit.redis.locks import LockResult, lock_try
from telemetry import metrics
from transactions.reads import history_page, unposted_read
from transactions.selectors import HistoryQuery
from wallets.auth.access import user_find
from wallets.selectors import wallet_view_find, wallet_view_list

#: Longer than it takes; a worker that dies at it keeps others from warming this wallet for no longer than that.
_LOCK_TTL_S = 10.0


def person_warm(*, user_id: int) -> None:
    """Warms what the first page after signing in shows: every balance, and each wallet's newest entries."""
    user = user_find(user_id=user_id)
    if user is None:
        return
    for wallet in wallet_view_list(owner=user):
        wallet_warm(wallet_id=wallet.id)


def wallet_warm(*, wallet_id: int) -> None:
    """Warms a wallet's balance, its first page of history, and what is on its way. Whoever comes second leaves: what
    changed since the first one looked is read by the next look, and cached by that."""
    with lock_try(f"warm-up:{wallet_id}", ttl_s=_LOCK_TTL_S) as lock:
        metrics.warm_ups.labels(outcome=lock.value).inc()
        if lock is not LockResult.ACQUIRED:
            return
        wallet = wallet_view_find(wallet_id=wallet_id)
        if wallet is not None:
            unposted_read(wallet=wallet)
            history_page(wallet=wallet, query=HistoryQuery())
