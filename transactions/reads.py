"""Reads about how money moved that Postgres is spared: as fresh as those of `selectors`, and mostly out of Redis.

A transaction, and what is on its way out of a wallet, are cached under names that writers fence (`names`). A page of
history needs no name: at one version of its wallet it never changes, so the version is part of its key.
"""

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.urls import reverse
from django.utils import timezone

from kit.cache.ahead import Ahead, read_from
from kit.cache.protocol import cache_read, value_command, value_get, value_put
from kit.http.bodies import Body, body_load, body_make, json_bytes
from transactions.contract import (
    Data,
    entry_data,
    transaction_data,
    transaction_dump,
    transaction_of,
)
from transactions.models import Transaction
from transactions.names import transaction_name, unmoved_name
from transactions.selectors import (
    HISTORY_LIMIT,
    INT64_MAX,
    HistoryQuery,
    cursor_check,
    entry_page,
    failed_list,
    pending_list,
    transaction_find,
)
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User
from wallets.selectors import WalletHead, wallet_head_ahead

#: How long a failed transfer is pointed out. Its own page stays.
FAILED_SHOWN_FOR = datetime.timedelta(days=3)
#: How many transfers that have not moved are shown at the most, of each kind.
UNMOVED_MAX = 30
#: A page shows usernames too. No door changes one; one that is changed by hand is shown after this long.
HISTORY_TTL_S = 300
#: The versions of wallets that this process has seen last: a guess at the page that is asked for next.
_versions: dict[int, int] = {}
_VERSIONS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """A page of history as the contract writes it: entries newest first, and the cursors of the pages beside it."""

    entries: list[Data]
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmovedTransfers:
    """A wallet's transfers that are on their way (at most one more than UNMOVED_MAX) or have failed lately, newest
    first, as the contract writes them."""

    pending: list[Data]
    failed: list[Data]


def transaction_ahead(transaction_id: int) -> Ahead:
    """For `transaction_body`, to be looked up together with who asks."""
    return Ahead(names=[transaction_name(transaction_id)], load=_transactions_load)


def transaction_body(*, user: User, transaction_id: int, ahead: Ahead | None = None) -> Body:
    """A transaction of which the user owns a side; NOT_FOUND for everybody else's."""
    _, plain = _transaction_cached(user, transaction_id, ahead)
    return body_make(plain)


def transaction_read(*, user: User, transaction_id: int) -> Transaction:
    """The same, as a model with both sides and their owners."""
    owner_ids, plain = _transaction_cached(user, transaction_id)
    return transaction_of(json.loads(plain), owner_ids=owner_ids)


def _transaction_cached(user: User, transaction_id: int, ahead: Ahead | None = None) -> tuple[list[int | None], bytes]:
    cached = None
    if transaction_id <= INT64_MAX:
        cached = read_from(ahead, transaction_name(transaction_id), load=_transactions_load)
    owners, _, plain = (cached or b"[]\n").partition(b"\n")
    owner_ids: list[int | None] = json.loads(owners)
    if user.pk not in owner_ids:
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such transaction.")
    return owner_ids, plain


def _transactions_load(names: Sequence[str]) -> dict[str, bytes | None]:
    return {name: _transaction_load(int(name.partition(":")[2])) for name in names}


def _transaction_load(transaction_id: int) -> bytes | None:
    found = transaction_find(transaction_id=transaction_id)
    if found is None:
        return None
    return transaction_dump(found)


def unmoved_read(*, wallet_id: int) -> UnmovedTransfers:
    """Read it before the wallet's head and entries: a transfer that settles in between is then seen among both, and
    never among neither."""
    cached = cache_read(unmoved_name(wallet_id), load=lambda: _unmoved_load(wallet_id))
    return UnmovedTransfers(**json.loads(cached or b""))


def _unmoved_load(wallet_id: int) -> bytes:
    pending = pending_list(wallet_id=wallet_id, limit=UNMOVED_MAX + 1)
    failed = failed_list(wallet_id=wallet_id, since=timezone.now() - FAILED_SHOWN_FOR, limit=UNMOVED_MAX)
    return json_bytes({"pending": list(map(transaction_data, pending)), "failed": list(map(transaction_data, failed))})


def history_ahead(wallet_id: int) -> Ahead:
    """For `wallet_head_get` and then `history_body`, to be looked up together with who asks: the wallet's head, and its
    first page as of the version that was seen last. Another page, or another version, is looked up when it is known.
    """
    ahead = wallet_head_ahead(wallet_id)
    version = _versions.get(wallet_id)
    if version is not None:
        ahead.beside.append(value_command(_history_key(wallet_id, version, HistoryQuery())))
    return ahead


def history_body(*, wallet: WalletHead, query: HistoryQuery, ahead: Ahead | None = None) -> Body:
    """A page of the wallet's history as it was at this head's version. Raises MALFORMED for a cursor that was not made
    here.
    """
    cursor_check(query.cursor)
    if not _is_kept(query):
        return body_make(_history_make(wallet, query))
    if len(_versions) >= _VERSIONS_MAX:
        _versions.clear()
    _versions[wallet.id] = wallet.version
    key = _history_key(wallet.id, wallet.version, query)
    dumped = value_get(key, sent=ahead.beside if ahead else ())
    if dumped is not None:
        return body_load(dumped)
    body = body_make(_history_make(wallet, query))
    value_put(key, body.dump(), HISTORY_TTL_S)
    return body


def history_page(*, wallet: WalletHead, query: HistoryQuery) -> HistoryPage:
    """The same page, to be shown in another form."""
    plain = history_body(wallet=wallet, query=query).plain() if _is_kept(query) else _history_make(wallet, query)
    return page_of(plain)


def page_of(plain: bytes) -> HistoryPage:
    """The page out of what the API answers."""
    page = json.loads(plain)
    return HistoryPage(entries=page["results"], next=_cursor_of(page["next"]), previous=_cursor_of(page["previous"]))


def _is_kept(query: HistoryQuery) -> bool:
    """Pages cut by time are made anew: there are as many as there are moments, and few are asked for twice."""
    return query.since is None and query.until is None


def _history_key(wallet_id: int, version: int, query: HistoryQuery) -> str:
    asked = f"{query.limit}:{query.kind or ''}:{query.direction or ''}:{query.cursor or ''}"
    return f"history:{wallet_id}:{version}:{asked}"


def _history_make(wallet: WalletHead, query: HistoryQuery) -> bytes:
    page = entry_page(wallet_id=wallet.id, query=query, version=wallet.version)
    return json_bytes(
        {
            "results": list(map(entry_data, page.entries)),
            "next": _history_path(wallet.id, query, page.next) if page.next else None,
            "previous": _history_path(wallet.id, query, page.previous) if page.previous else None,
        }
    )


def _history_path(wallet_id: int, query: HistoryQuery, cursor: str | None) -> str:
    """The address of a page in the API: without a host, so that it holds behind every proxy."""
    asked: dict[str, Any] = {
        "limit": query.limit if query.limit != HISTORY_LIMIT else None,
        "kind": query.kind,
        "direction": query.direction,
        "since": query.since and query.since.isoformat(),
        "until": query.until and query.until.isoformat(),
        "cursor": cursor,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    return f"{reverse('v1_history', args=[wallet_id])}?{urlencode(given)}"


def _cursor_of(path: str | None) -> str | None:
    return parse_qs(urlsplit(path).query)["cursor"][0] if path else None
