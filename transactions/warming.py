"""Warm-ups: reading what a user is about to read, so that it is in the cache."""

from kit.redis.locks import LockResult, lock_try
from telemetry import metrics
from transactions.reads import history_page, unposted_read
from transactions.selectors import HistoryQuery
from wallets.auth.access import user_find
from wallets.selectors import wallet_view_find, wallet_view_list

#: Longer than a warm-up takes. If a worker dies during one, no other worker warms this wallet until the lock expires.
_LOCK_TTL_S = 10.0


def person_warm(*, user_id: int) -> None:
    """Warms what the first page after sign-in shows: every wallet, and its newest entries."""
    user = user_find(user_id=user_id)
    if user is None:
        return
    for wallet in wallet_view_list(owner=user):
        wallet_warm(wallet_id=wallet.id)


def wallet_warm(*, wallet_id: int) -> None:
    """Warms a wallet's view, the first page of its history, and its unposted transfers.

    Does nothing while another worker warms the same wallet. If that worker has read an older state already, the next
    reader fills the cache.
    """
    with lock_try(f"warm-up:{wallet_id}", ttl_s=_LOCK_TTL_S) as lock:
        metrics.warm_ups.labels(outcome=lock.value).inc()
        if lock is not LockResult.ACQUIRED:
            return
        wallet = wallet_view_find(wallet_id=wallet_id)
        if wallet is not None:
            unposted_read(wallet=wallet)
            history_page(wallet=wallet, query=HistoryQuery())
