"""Marks the wallets that somebody is viewing. If such a wallet changes, its reads are warmed.

A view sets a mark in Redis, which expires. A warm-up removes the mark, so each view causes at most one warm-up. If a
mark is lost, the next view reads from Postgres once.
"""

import time
from collections.abc import Collection
from typing import Any

from redis import Redis

from kit.cache.link import RedisAwayError, redis_ask
from kit.redis.identity import redis_key

#: How many seconds after a view a wallet still counts as viewed.
VIEWED_S = 30
#: A mark that this process set less than this ago is not set again, which saves a round trip on every refresh. It is
#: shorter than the dashboard's polling interval, because a warm-up may have removed the mark meanwhile.
_RENEW_S = 4.0
_REMEMBERED_MAX = 10_000

_marked_s: dict[int, float] = {}


def wallet_viewed(wallet_id: int) -> None:
    """Marks the wallet as viewed."""
    now_s = time.monotonic()
    if now_s - _marked_s.get(wallet_id, -_RENEW_S) < _RENEW_S:
        return
    if len(_marked_s) >= _REMEMBERED_MAX:
        _marked_s.clear()
    _marked_s[wallet_id] = now_s
    try:
        redis_ask(lambda client: client.set(_key(wallet_id), 1, ex=VIEWED_S))
    except RedisAwayError:
        return


def viewed_take(wallet_ids: Collection[int]) -> list[int]:
    """Returns those of the wallets that are marked as viewed, and removes their marks."""
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
    return redis_key(f"watch:{wallet_id}")
