"""The protocol's steps in Redis, as functions. `kit.cache.protocol` combines them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from redis import Redis

from kit.cache.lua import (
    ASSERT,
    CLEAR,
    ENTRY,
    FENCE,
    FILL,
    LIFT,
    LOOK,
    NAMES_MAX,
    STATE,
)
from kit.cache.seal import AGE_MAX_MS, Kind, now_ms, seal, unseal
from kit.redis.identity import redis_key
from kit.redis.pipeline import MalformedReplyError, RedisCommand, commands_run

#: A value that no eviction reached is dropped after this many seconds. This is the last resort.
VALUE_TTL_S = AGE_MAX_MS // 1_000
#: If a reader dies, its lease expires after this time. Until then nobody else fills the slot.
LEASE_MS = 5_000
#: While one reader renews the trust, no other tries for this many milliseconds.
CLAIM_MS = 100


_MARKS = {b"trusted": "trusted", b"lapsed": "lapsed", b"quarantine": "quarantine"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a lookup found. `mark` is "trusted", or why the cache cannot be relied on: "lapsed" or "quarantine".

    `hits` are values by name. `leased` are the names that this reader shall fill, each with its lease. `fenced` names
    are about to change. `busy` names are being filled by another reader. `refused` names have a value that this site
    has not sealed, or not lately. If `claim` is true, this reader shall renew the trust. `seen_ms` is Redis's time of
    the lookup, `at_ms` this host's.
    """

    mark: str
    seen_ms: int = 0
    generation: str = ""
    claim: bool = False
    hits: dict[str, bytes] = field(default_factory=dict)
    leased: dict[str, str] = field(default_factory=dict)
    fenced: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    at_ms: int = field(default_factory=now_ms)


def names_look(client: Redis, names: Sequence[str], *, beside: Sequence[RedisCommand] = ()) -> Look:
    """Looks up the names, and sends the commands `beside` in the same round trip."""
    # The lookup may begin a lease or a generation. Both need an id that no other lookup has.
    unique = secrets.token_hex(8)
    at_ms = now_ms()
    look = LOOK.command(
        [state_key()],
        "\n".join(names),
        unique,
        unique,
        LEASE_MS,
        fence_ms(),
        settings.CACHE_TRUST_MS,
        CLAIM_MS,
    )
    commands_run(client, [look, *beside])
    try:
        return _look_of(names, unique, look.reply, at_ms)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise MalformedReplyError("Redis did not answer what the lookup returns.") from error


def _look_of(names: Sequence[str], lease_id: str, found: list[Any], at_ms: int) -> Look:
    mark = _MARKS[found[0]]
    if mark == "quarantine":
        return Look(mark=mark)
    generation = found[2].decode("ascii")
    look = Look(mark=mark, seen_ms=int(found[1]), generation=generation, claim=bool(found[3]), at_ms=at_ms)
    if mark == "lapsed":
        return look
    for name, entry in zip(names, found[4:], strict=True):
        if entry == b"M":
            look.leased[name] = f"L{generation}{lease_id}"
        elif entry == b"F":
            look.fenced.append(name)
        elif entry == b"B":
            look.busy.append(name)
        elif (value := unseal(Kind.ENTRY, name, entry[1 + len(generation) :])) is not None:
            look.hits[name] = value
        else:
            look.refused.append(name)
    return look


def entry_fill(client: Redis, *, look: Look, name: str, value: bytes | None) -> bool:
    """Stores the value in place of the lease; without a value, gives the lease back. False if the lease was revoked.

    The value is as old as the lookup, after which it was read.
    """
    entry = b""
    if value is not None:
        entry = b"V" + look.generation.encode() + seal(Kind.ENTRY, name, value, at_ms=look.at_ms)
    return FILL(client, [entry_key(name)], look.leased[name], entry, VALUE_TTL_S) == 1


def names_fence(client: Redis, names: Sequence[str], token: str) -> None:
    for part in _parts(names):
        FENCE(client, [state_key()], "\n".join(part), token, fence_ms())


def names_lift(client: Redis, names: Sequence[str], token: str) -> None:
    for part in _parts(names):
        LIFT(client, [state_key()], "\n".join(part), token)


def names_evict(client: Redis, names: Sequence[str]) -> None:
    for part in _parts(names):
        client.delete(*map(entry_key, part))


def trust_renew(client: Redis, look: Look) -> None:
    """Lets the trust last from the lookup on, which was before Postgres was asked. If a new Redis has taken over since,
    this has no effect: the new Redis starts with a quarantine."""
    client.hset(state_key(), "until_ms", look.seen_ms + settings.CACHE_TRUST_MS)


def trust_assert(client: Redis) -> None:
    ASSERT(client, [state_key()], secrets.token_hex(8))


def fences_clear(client: Redis) -> None:
    cursor: object = 0
    while cursor != b"0":
        cursor = CLEAR(client, [state_key()], cursor if isinstance(cursor, bytes) else 0)


def state_key() -> str:
    return redis_key(STATE)


def entry_key(name: str) -> str:
    return redis_key(ENTRY) + name


def fence_ms() -> int:
    return int(settings.CACHE_FENCE_S * 1_000)


def _parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + NAMES_MAX] for start in range(0, len(names), NAMES_MAX)]
