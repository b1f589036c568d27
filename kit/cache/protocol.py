"""Fast reads that are never stale: a read returns every change that was acknowledged before the read began.

docs/design/freshness.md describes the protocol step by step, with the race that each step closes. Postgres decides.
Redis only saves reads and may be wiped at any moment.

A cached object has a name, such as `wallet:<id>`, and bytes. Code that changes the object fences its name:
    with transaction.atomic():
        …                      # the locks, the checks, the writes
        cache_fence([name])    # last
"""

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from kit.cache import outage, steps, unevicted
from kit.cache.link import RedisAwayError, redis_ask
from kit.cache.prefetch import Load, command_fetched, names_read, prefetch_command
from kit.cache.seal import Kind, seal, unseal
from kit.redis.identity import IdentityUnknownError, redis_key
from kit.redis.pipeline import RedisCommand, commands_run
from telemetry import metrics

#: How long a reader waits while another reader fills the same slot, and how often it looks again.
_PATIENCE_S = 0.1
_PATIENCE_STEP_S = 0.01


def cache_read(name: str, *, load: Callable[[], bytes | None]) -> bytes | None:
    """Returns the named object from Redis, or from `load`, which reads it from Postgres. None if there is no object."""
    return cache_read_many([name], load=lambda _: {name: load()})[name]


def cache_read_many(names: Sequence[str], *, load: Load) -> dict[str, bytes | None]:
    """Returns the named objects, with one round trip for all that are cached. `load` reads the names it is given from
    Postgres. The first read of a request also fetches what its entry point has planned (`kit.cache.prefetch`).

    Inside a database transaction nothing is cached. `load` might see uncommitted changes, or a snapshot from before the
    lease, and a write must not decide on a cached value.
    """
    return names_read(names, load=load, read=_read_many)


def cache_fence(names: Collection[str]) -> None:
    """Announces that the current database transaction changes these objects. Call it as the last step before the
    commit.

    From here on readers bypass these names. After the commit the fence is lifted, and only then does the caller
    continue and acknowledge the change. A writer that dies in between leaves its fence behind. The fence expires later
    than Postgres ends the transaction (`transaction_timeout`).

    If Redis is down, this records the names in Postgres, in the same transaction. After the commit it then waits until
    the readers that still reach Redis no longer trust the cache.
    """
    if not names:
        return
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("A fence stands before a commit: call it in a transaction.")
    token, ordered = secrets.token_hex(8), sorted(set(names))
    try:
        redis_ask(lambda client: steps.names_fence(client, ordered, token))
    except RedisAwayError:
        metrics.cache_fences_failed.inc()
        unevicted.names_note(ordered)
        outage.outage_outwait()
        return
    metrics.cache_evictions.inc(len(ordered))
    # robust: an error while lifting must not turn a committed change into a failure.
    transaction.on_commit(lambda: _lift(ordered, token), robust=True)


def cache_replayed(names: Collection[str]) -> None:
    """Announces that the caller is about to acknowledge a change of these objects that an earlier call has made.

    That call may have died. If it had set a fence, the fence still stands. If Redis was down, the call may have died
    before it waited for the trust to end, so this call waits.
    """
    if unevicted.names_noted(names):
        transaction.on_commit(outage.trust_outwait)


def cache_sweep() -> int:
    """Evicts the names that writers could not fence, and deletes expired fences. Returns how many names it evicted."""
    swept = 0
    with suppress(RedisAwayError):
        while names := _sweep_some():
            swept += len(names)
        redis_ask(steps.fences_clear)
    return swept


def cache_trust_assert() -> None:
    """Ends the quarantine of a Redis that has just been started, before any writer runs.

    Call it only if you have started both Postgres and Redis yourself, and nothing else yet. Then no transaction can be
    open whose fence this Redis does not know. Values of earlier lives belong to other generations and are not read.
    Without Redis this does nothing; the quarantine begins when Redis is there.
    """
    with suppress(RedisAwayError):
        redis_ask(steps.trust_assert)


def value_prefetch(key: str) -> None:
    """Plans to fetch this value in the request at hand (`kit.cache.prefetch`)."""
    with suppress(IdentityUnknownError):
        prefetch_command(_value_command(key))


def value_get(key: str) -> bytes | None:
    """Returns a value that never changes, such as a page of history at one version. None if it is not cached."""
    if not settings.CACHE_ENABLED:
        return None
    try:
        wanted = _value_command(key)
        command = command_fetched(wanted) or wanted
        if not command.is_done:
            redis_ask(lambda client: commands_run(client, [command]))
        return None if command.reply is None else unseal(Kind.VALUE, key, command.reply)
    except (RedisAwayError, IdentityUnknownError):
        return None


def value_put(key: str, value: bytes, ttl_s: int = steps.VALUE_TTL_S) -> None:
    """Stores a value. The key must name everything that the value depends on, so that it can never be out of date."""
    with suppress(RedisAwayError):
        redis_ask(lambda client: client.set(_value_key(key), seal(Kind.VALUE, key, value), ex=ttl_s))


def _read_many(names: Sequence[str], load: Load, beside: Sequence[RedisCommand]) -> dict[str, bytes | None]:
    """Reads names. The commands `beside` go in the same round trip; without Redis, or without caching, they are not
    sent."""
    if not settings.CACHE_ENABLED:
        return _pass_by(names, load, reason="off")
    if connection.in_atomic_block:
        return _pass_by(names, load, reason="transaction")
    values: dict[str, bytes | None] = {}
    wanted, deadline = names, time.monotonic() + _PATIENCE_S
    while wanted:
        try:
            look = _look(wanted, [command for command in beside if not command.is_done])
        except RedisAwayError:
            return values | _pass_by(wanted, load, reason="redis")
        if look.mark != "trusted":
            return values | _pass_by(wanted, load, reason=look.mark)
        values |= _look_answer(look, load)
        wanted = look.busy
        if wanted and time.monotonic() > deadline:
            return values | _pass_by(wanted, load, reason="busy")
        if wanted:
            time.sleep(_PATIENCE_STEP_S)
    return values


def _look_answer(look: steps.Look, load: Load) -> dict[str, bytes | None]:
    """The objects that this reader need not wait for: found, or loaded now."""
    metrics.cache_reads.labels(result="hit").inc(len(look.hits))
    values: dict[str, bytes | None] = {**look.hits}
    if look.leased:
        values |= _fill(look, load)
    if look.fenced:
        values |= _pass_by(look.fenced, load, reason="fence")
    if look.refused:
        values |= _refused_replace(look.refused, load)
    return values


def _look(names: Sequence[str], beside: Sequence[RedisCommand]) -> steps.Look:
    """Looks up the names. If the trust has ended and this reader may renew it, renews it and looks up once more."""
    look = redis_ask(lambda client: steps.names_look(client, names, beside=beside))
    if look.claim and _trust_renew(look) and look.mark == "lapsed":
        return redis_ask(lambda client: steps.names_look(client, names))
    return look


def _trust_renew(look: steps.Look) -> bool:
    """Asks Postgres after the lookup, but lets the trust count from before it. So if a name is recorded later, its
    writer waits for longer than this trust lasts."""
    try:
        if unevicted.names_noted():
            _sweep_some()
            if unevicted.names_noted():
                return False
    except (DatabaseError, InterfaceError):
        # A caller that needs Postgres for more than this gets the error from its own query.
        return False
    redis_ask(lambda client: steps.trust_renew(client, look))
    return True


def _sweep_some() -> Sequence[str]:
    """Evicts some recorded names, then deletes their records. In the other order, a crash in between would leave an old
    value that no record names."""
    with transaction.atomic():
        names = unevicted.names_take()
        if names:
            redis_ask(lambda client: steps.names_evict(client, names))
    metrics.cache_swept.inc(len(names))
    return names


def _pass_by(names: Sequence[str], load: Load, *, reason: str) -> dict[str, bytes | None]:
    metrics.cache_reads.labels(result=reason).inc(len(names))
    loaded = load(names)
    return {name: loaded.get(name) for name in names}


def _fill(look: steps.Look, load: Load) -> dict[str, bytes | None]:
    """Loads what was leased, and fills those slots whose lease no writer has revoked meanwhile."""
    metrics.cache_reads.labels(result="miss").inc(len(look.leased))
    loaded: Mapping[str, bytes | None] = {}
    try:
        loaded = load(list(look.leased))
    finally:
        # If loading failed there is nothing to fill. The leases are given back so that other readers can try.
        _entries_fill(look, loaded)
    return {name: loaded.get(name) for name in look.leased}


def _refused_replace(names: Sequence[str], load: Load) -> dict[str, bytes | None]:
    """Evicts values that nobody may read, so that the next reader fills their slots, and reads past the cache."""
    with suppress(RedisAwayError):
        redis_ask(lambda client: steps.names_evict(client, names))
    return _pass_by(names, load, reason="refused")


def _entries_fill(look: steps.Look, loaded: Mapping[str, bytes | None]) -> None:
    for name in look.leased:
        value = loaded.get(name)
        try:
            filled = redis_ask(partial(steps.entry_fill, look=look, name=name, value=value))
        except RedisAwayError:
            return
        if not filled:
            metrics.cache_fills_refused.inc()


def _lift(names: Sequence[str], token: str) -> None:
    # Without Redis the fence expires by itself. Until then readers take these names from Postgres.
    with suppress(RedisAwayError):
        redis_ask(lambda client: steps.names_lift(client, names, token))


def _value_command(key: str) -> RedisCommand:
    return RedisCommand(("GET", _value_key(key)))


def _value_key(key: str) -> str:
    return redis_key("cache:value:") + key
