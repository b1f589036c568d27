"""Cached reads of transactions and history: as fresh as those of `selectors`, and mostly from Redis.

A transaction and a wallet's unposted transfers are cached under names that writers fence (`names`). A page of history
needs no fence: at a given version of its wallet it never changes, and its key contains the version.
"""

import datetime
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.utils import timezone

from kit.cache.prefetch import prefetch_names
from kit.cache.protocol import cache_read, cache_read_many, value_get, value_put
from kit.http.bodies import Body, body_load, body_make, json_bytes
from transactions.contract import (
    Data,
    entry_data,
    failure_data,
    transaction_data,
    transaction_dump,
    transaction_from_json,
)
from transactions.models import Transaction
from transactions.names import transaction_name, unposted_name
from transactions.selectors import (
    HistoryQuery,
    cursor_check,
    entry_page,
    failed_list,
    pending_list,
    transaction_find,
)
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import ID_MAX
from wallets.models import User
from wallets.selectors import WalletView

#: How long lists show a failed transfer. Its receipt stays available.
FAILED_SHOWN_FOR = datetime.timedelta(days=3)
#: The most pending transfers, and the most failed ones, that a page shows.
UNPOSTED_MAX = 30
#: Cached pages contain usernames. No entry point changes a username; after a change by hand, pages show the new one
#: when this time has passed.
HISTORY_TTL_S = 300

#: Why a transfer failed, as its recipient reads it.
FAILURE_TO_RECIPIENT = failure_data(ErrorCode.SETTLEMENT_FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """A page of history in the contract's JSON: entries, newest first, and the cursors of the next and previous
    page."""

    entries: list[Data]
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpostedTransfers:
    """A wallet's outgoing transfers that are pending (at most UNPOSTED_MAX + 1) or have failed in the last days, newest
    first, in the contract's JSON."""

    pending: list[Data]
    failed: list[Data]


def transaction_prefetch(*, transaction_id: int) -> None:
    """Prefetches this transaction in the current request (`kit.cache.prefetch`)."""
    prefetch_names([transaction_name(transaction_id)], load=_transactions_load)


def transaction_body(*, user: User, transaction_id: int) -> Body:
    """The JSON of a transaction of which the user owns a side. Raises NOT_FOUND for any other transaction."""
    _, plain = _transaction_cached(user, transaction_id)
    return body_make(plain)


def transaction_read(*, user: User, transaction_id: int) -> Transaction:
    """The same transaction as a model instance, with both sides and their owners loaded."""
    owner_ids, plain = _transaction_cached(user, transaction_id)
    return transaction_from_json(json.loads(plain), owner_ids=owner_ids)


def _transaction_cached(user: User, transaction_id: int) -> tuple[list[int | None], bytes]:
    cached = None
    if transaction_id <= ID_MAX:
        name = transaction_name(transaction_id)
        cached = cache_read_many([name], load=_transactions_load)[name]
    owners, _, plain = (cached or b"[]\n").partition(b"\n")
    owner_ids: list[int | None] = json.loads(owners)
    if user.pk not in owner_ids:
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such transaction.")
    return owner_ids, plain if user.pk == owner_ids[0] else _for_recipient(plain)


def _for_recipient(plain: bytes) -> bytes:
    """The same JSON without the reason of a failure, which may be the state of the sender's wallet."""
    data = json.loads(plain)
    return json_bytes({**data, "failure": FAILURE_TO_RECIPIENT}) if data["failure"] else plain


def _transactions_load(names: Sequence[str]) -> dict[str, bytes | None]:
    return {name: _transaction_load(int(name.partition(":")[2])) for name in names}


def _transaction_load(transaction_id: int) -> bytes | None:
    found = transaction_find(transaction_id=transaction_id)
    if found is None:
        return None
    return transaction_dump(found)


def unposted_read(*, wallet: WalletView) -> UnpostedTransfers:
    """A wallet's unposted transfers.

    Call this before you read the wallet's view and its entries. A transfer that settles in between then appears in
    both, which the caller can correct; in the other order it would appear in neither.
    """
    cached = cache_read(unposted_name(wallet.id), load=lambda: _unposted_load(wallet.id))
    return UnpostedTransfers(**json.loads(cached or b""))


def _unposted_load(wallet_id: int) -> bytes:
    pending = pending_list(wallet_id=wallet_id, limit=UNPOSTED_MAX + 1)
    failed = failed_list(wallet_id=wallet_id, since=timezone.now() - FAILED_SHOWN_FOR, limit=UNPOSTED_MAX)
    return json_bytes({"pending": list(map(transaction_data, pending)), "failed": list(map(transaction_data, failed))})


def history_page(*, wallet: WalletView, query: HistoryQuery) -> HistoryPage:
    """A page of the wallet's history at the version of this view. Raises MALFORMED for a cursor that `selectors` did
    not create."""
    cursor_check(query.cursor)
    if not query.is_kept:
        return _history_load(wallet, query)
    key = history_key(wallet_id=wallet.id, version=wallet.version, query=query)
    kept = value_get(key)
    if kept is not None:
        return HistoryPage(**json.loads(body_load(kept).plain()))
    page = _history_load(wallet, query)
    value_put(key, body_make(json_bytes(asdict(page))).dump(), HISTORY_TTL_S)
    return page


def history_key(*, wallet_id: int, version: int, query: HistoryQuery) -> str:
    """The cache key of a page. It needs no eviction, because the page never changes at this version of the wallet."""
    asked = f"{query.limit}:{query.kind or ''}:{query.direction or ''}:{query.cursor or ''}"
    return f"history-page:{wallet_id}:{version}:{asked}"


def _history_load(wallet: WalletView, query: HistoryQuery) -> HistoryPage:
    page = entry_page(wallet_id=wallet.id, query=query, version=wallet.version)
    return HistoryPage(entries=list(map(entry_data, page.entries)), next=page.next, previous=page.previous)
