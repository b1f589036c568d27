"""Reads that are fast and never stale: a cached object is never older than what anybody was told before the read began.

ARCHITECTURE.md, "Reads that are never stale", has the protocol step by step, with the race that each step closes.
Postgres decides. What is in Redis saves reads and may be wiped at any moment.

A cached object has a name, such as `wallet:<id>`, and bytes. Whoever changes it fences its name:

    with transaction.atomic():
        …                      # the locks, the checks, the writes
        cache_fence([name])    # last
"""

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from kit.cache import outage, steps, unevicted
from kit.cache.link import RedisAwayError, redis_ask
from kit.cache.lua import PREFIX
from kit.cache.prefetch import Load, command_fetched, names_read
from kit.redis.pipeline import RedisCommand, commands_run
from telemetry import metrics

#: How long a reader waits for another one that is filling the same entry, and how often it looks.
_PATIENCE_S = 0.1
_PATIENCE_STEP_S = 0.01


def cache_read(name: str, *, load: Callable[[], bytes | None]) -> bytes | None:
    """The object of this name: from Redis, or from `load`, which reads it from Postgres. None: there is none."""
    return cache_read_many([name], load=lambda _: {name: load()})[name]


def cache_read_many(names: Sequence[str], *, load: Load) -> dict[str, bytes | None]:
    """The objects of these names, with one round trip for all that are cached. `load` reads those it is given.

    The first read of a request also fetches what its entry point has planned (`kit.cache.prefetch`).

    Inside a database transaction nothing is cached: `load` might see what is not committed yet, or a snapshot from
    before the lease; and a write never decides on a cached value.
    """
    return names_read(names, load=load, read=_read_many)


def cache_fence(names: Collection[str]) -> None:
    """Says that these objects change with the database transaction that runs, as its last step before the commit.

    From here on readers pass the names by; after the commit the fence is lifted, and only then the caller goes on to
    say "done". A writer that dies in between leaves the fence behind, which runs out by itself, later than Postgres
    lets the transaction live (`transaction_timeout`).

    Without Redis the names go on record in Postgres, in the same transaction, and the caller goes on only when the
    trust of those who still reach Redis has lapsed.
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
    # Robust: whatever is wrong with the lifting, what was committed is committed.
    transaction.on_commit(lambda: _lift(ordered, token), robust=True)


def cache_replayed(names: Collection[str]) -> None:
    """Says that the caller is about to answer for a change of these objects that an earlier call has made.

    That call may have died before it lifted its fence, which stands then; or, without Redis, before it had waited: then
    this one waits in its stead.
    """
    if unevicted.names_noted(names):
        transaction.on_commit(outage.trust_outwait)


def cache_sweep() -> int:
    """Evicts what writers could not fence, and clears fences that ran out; how many names were evicted."""
    swept = 0
    with suppress(RedisAwayError):
        while names := _sweep_some():
            swept += len(names)
        redis_ask(steps.fences_clear)
    return swept


def cache_trust_assert() -> None:
    """Ends the quarantine of a Redis that was just started, before any writer was.

    Only for whoever has started both servers itself, and nothing else yet: no transaction can be under way then whose
    fence this Redis does not know. Values from earlier lives are of other generations and are not read again. Without
    Redis nothing happens: the quarantine comes when it does.
    """
    with suppress(RedisAwayError):
        redis_ask(steps.trust_assert)


def value_command(key: str) -> RedisCommand:
    """For `value_get`, to be sent with something else."""
    return RedisCommand(("GET", _value_key(key)))


def value_get(key: str) -> bytes | None:
    """A value that never changes, such as a page of a wallet's history at one version. None: it is not known here."""
    if not settings.CACHE_ENABLED:
        return None
    wanted = value_command(key)
    command = command_fetched(wanted) or wanted
    try:
        if not command.is_done:
            redis_ask(lambda client: commands_run(client, [command]))
    except RedisAwayError:
        return None
    return command.reply if isinstance(command.reply, bytes) else None


def value_put(key: str, value: bytes, ttl_s: int = steps.VALUE_TTL_S) -> None:
    """Keeps a value under a key that says all that it depends on, so that it can never be out of date."""
    with suppress(RedisAwayError):
        redis_ask(lambda client: client.set(_value_key(key), value, ex=ttl_s))


def _read_many(names: Sequence[str], load: Load, beside: Sequence[RedisCommand]) -> dict[str, bytes | None]:
    """Reads names, and sends the commands `beside` along if Redis can be reached."""
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
        values |= look.hits
        metrics.cache_reads.labels(result="hit").inc(len(look.hits))
        if look.leased:
            values |= _fill(look, load)
        if look.fenced:
            values |= _pass_by(look.fenced, load, reason="fence")
        wanted = look.busy
        if wanted and time.monotonic() > deadline:
            return values | _pass_by(wanted, load, reason="busy")
        if wanted:
            time.sleep(_PATIENCE_STEP_S)
    return values


def _look(names: Sequence[str], beside: Sequence[RedisCommand]) -> steps.Look:
    """Looks; where the trust has lapsed and is this reader's to renew, renews it and looks once more."""
    look = redis_ask(lambda client: steps.names_look(client, names, beside=beside))
    if look.claim and _trust_renew(look) and look.mark == "lapsed":
        return redis_ask(lambda client: steps.names_look(client, names))
    return look


def _trust_renew(look: steps.Look) -> bool:
    """Postgres is asked after the look, and the trust counts from before it: a name that is put on record later finds
    a writer who waits for longer than this trust lasts."""
    try:
        if unevicted.names_noted():
            _sweep_some()
            if unevicted.names_noted():
                return False
    except (DatabaseError, InterfaceError):
        # Whoever needs Postgres for more than this finds out by himself.
        return False
    redis_ask(lambda client: steps.trust_renew(client, look))
    return True


def _sweep_some() -> Sequence[str]:
    """Evicts, then forgets: in the other order a crash would leave the old value with nobody to know of it."""
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
    """Loads what was leased, and fills in what no writer fenced meanwhile."""
    metrics.cache_reads.labels(result="miss").inc(len(look.leased))
    loaded: Mapping[str, bytes | None] = {}
    try:
        loaded = load(list(look.leased))
    finally:
        # Where loading failed there is nothing to fill in, and the leases are given back for others to try.
        _entries_fill(look, loaded)
    return {name: loaded.get(name) for name in look.leased}


def _entries_fill(look: steps.Look, loaded: Mapping[str, bytes | None]) -> None:
    for name, lease in look.leased.items():
        value = loaded.get(name)
        try:
            filled = redis_ask(
                lambda client, name=name, lease=lease, value=value: steps.entry_fill(  # type: ignore[misc]
                    client, name, lease, look.generation, value
                )
            )
        except RedisAwayError:
            return
        if not filled:
            metrics.cache_fills_refused.inc()


def _lift(names: Sequence[str], token: str) -> None:
    # Without Redis the fence runs out by itself; until then these names are read from Postgres.
    with suppress(RedisAwayError):
        redis_ask(lambda client: steps.names_lift(client, names, token))


def _value_key(key: str) -> str:
    return f"{PREFIX}value:{key}"
