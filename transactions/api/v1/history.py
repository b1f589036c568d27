"""A wallet's history over REST: turns a page of entries into a response body with the URLs of the pages beside it."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from kit.cache.protocol import value_get, value_prefetch, value_put
from kit.http.bodies import Body, body_load, body_make, json_bytes
from transactions.gateway.local import gateway
from transactions.reads import HISTORY_TTL_S, history_key
from transactions.selectors import HistoryQuery
from wallets.domain.limits import HISTORY_LIMIT
from wallets.selectors import WalletView

#: The last version of each wallet that this process has read: a guess at the page that will be requested next.
_versions: dict[int, int] = {}
_VERSIONS_MAX = 10_000


def history_prefetch(*, wallet_id: int) -> None:
    """Prefetches a wallet, and its first page at the version that this process has read last."""
    gateway().wallet_view_prefetch(wallet_id=wallet_id)
    version = _versions.get(wallet_id)
    if version is not None:
        value_prefetch(_key(wallet_id, version, HistoryQuery()))


def history_body(*, wallet: WalletView, query: HistoryQuery) -> Body:
    """The JSON of a page of the wallet's history. The cache keeps the body compressed, because it never changes. Raises
    MALFORMED for a cursor that `selectors` did not create."""
    if not query.is_kept:
        return _body(wallet, query)
    if len(_versions) >= _VERSIONS_MAX:
        _versions.clear()
    _versions[wallet.id] = wallet.version
    key = _key(wallet.id, wallet.version, query)
    kept = value_get(key)
    if kept is not None:
        return body_load(kept)
    body = _body(wallet, query)
    value_put(key, body.dump(), HISTORY_TTL_S)
    return body


def _body(wallet: WalletView, query: HistoryQuery) -> Body:
    page = gateway().history_page(wallet=wallet, query=query)
    data = {
        "results": page.entries,
        "next": _path(wallet.id, query, page.next) if page.next else None,
        "previous": _path(wallet.id, query, page.previous) if page.previous else None,
    }
    return body_make(json_bytes(data))


def _key(wallet_id: int, version: int, query: HistoryQuery) -> str:
    return f"rest-v1:{history_key(wallet_id=wallet_id, version=version, query=query)}"


def _path(wallet_id: int, query: HistoryQuery, cursor: str) -> str:
    """The URL of a page, without a host, so that it is valid behind any proxy."""
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
