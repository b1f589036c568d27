"""Which wallets somebody is looking at. One that changes meanwhile is warmed; all the others are left alone.

A look leaves a mark in Redis, which fades; whoever warms takes the mark away, so that a wallet is warmed once for each
time that somebody has looked. A lost mark costs the next look one read from Postgres.
"""

import time
from collections.abc import Collection
from typing import Any

from redis import Redis

from kit.cache.link import RedisAwayError, redis_ask

#: How long after a look a wallet still counts as looked at.
WATCH_S = 30
#: A mark of this process that is younger is not made anew: refresh upon refresh costs no round trip. Shorter than the
#: time between two looks of the dashboard, because the mark may have been taken meanwhile.
_RENEW_S = 4.0
_REMEMBERED_MAX = 10_000

_marked_s: dict[int, float] = {}


def wallet_watch(wallet_id: int) -> None:
    """Somebody is looking at this wallet."""
    now_s = time.monotonic()
    if now_s - _marked_s.get(wallet_id, -_RENEW_S) < _RENEW_S:
        return
    if len(_marked_s) >= _REMEMBERED_MAX:
        _marked_s.clear()
    _marked_s[wallet_id] = now_s
    try:
        redis_ask(lambda client: client.set(_key(wallet_id), 1, ex=WATCH_S))
    except RedisAwayError:
        return


def watched_take(wallet_ids: Collection[int]) -> list[int]:
    """Those of the wallets that somebody is looking at; their marks are taken away."""
    ids = list(wallet_ids)
    try:
        return redis_ask(lambda client: _taken(client, ids)) if ids else []
    except RedisAwayError:
        return []


def _taken(client: Redis, wallet_ids: list[int]) -> list[int]:
    marks: Any = client.mget(map(_key, wallet_ids))
    marked = [wallet_id for wallet_id, mark in zip(wallet_ids, marks, strict=True) if mark is not None]
    if marked:
        client.delete(*map(_key, marked))
    return marked


def _key(wallet_id: int) -> str:
    return f"wallet:watch:{wallet_id}"
