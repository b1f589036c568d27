"""Removes single steps of the protocol. What remains must allow a stale read."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from kit.cache import lua, outage, steps, unevicted
from kit.cache import protocol as cache
from tests.cache.world import World

Drop = Callable[[World, pytest.MonkeyPatch, Settings], None]

FENCE_MS = 90_000
TRUST_MS = 300


def without(script: lua.Script, line: str, instead: str = "") -> Drop:
    """Removes or replaces a line of a script."""
    assert line in script.body

    def drop(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
        patch.setattr(script, "body", script.body.replace(line, instead))

    return drop


def without_fence(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    """The writer evicts only after its commit, as caches commonly do."""
    patch.setattr(steps, "names_fence", lambda *_: None)


def without_quarantine(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.CACHE_FENCE_S = 0


def without_transaction_timeout(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.DATABASE_TRANSACTION_TIMEOUT_MS = 10 * FENCE_MS


def without_record(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    """A cut-off writer does not record its names."""
    patch.setattr(unevicted, "names_note", lambda _: None)


def trust_from_now_on(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    """The trust counts from its renewal instead of from before the question to Postgres."""

    def renew(client: Any, look: steps.Look) -> None:
        world.stand("renew")
        client.hset(steps.state_key(), "until_ms", world.now_ms + TRUST_MS)

    patch.setattr(steps, "trust_renew", renew)


def without_outwaiting(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    patch.setattr(outage, "_trust_s", lambda: 0.0)


def without_holding_the_outage(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    patch.setattr(outage, "HOLD_SQL", outage.HOLD_SQL.removesuffix(" FOR SHARE"))


def without_distinguishing_outages(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    patch.setattr(outage, "HOLD_SQL", "SELECT '2026-01-01'::timestamptz WHERE %s = ''")


def without_wait_of_replays(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    """A caller that acknowledges an earlier call does not ask whether that call had waited."""
    patch.setattr(cache, "cache_replayed", lambda _: None)


def delete_record_before_eviction(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    """The sweep deletes the records first, and evicts the names after that."""

    def sweep() -> Sequence[str]:
        with transaction.atomic():
            names = unevicted.names_take()
        if names:
            steps.names_evict(world.client, names)
        return names

    patch.setattr(cache, "_sweep_some", sweep)


ALWAYS_FILL = without(lua.FILL, "if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end")
NO_EVICTION = without(lua.FENCE, "redis.call('DEL', unpack(entries))")
SAME_RUN = without(lua.LOOK, "state[1] ~= run", "not state[1]")
ONE_FENCE = without(lua.FENCE, "fences[i] and fences_live(fences[i], now) .. own or own", "own")
LIFT_ALL = without(lua.LIFT, "fences_live(fences[i], now, ARGV[2])", "''")
ANY_TRUST = without(lua.LOOK, "if left > tonumber(ARGV[6]) then", "if false then")
TRUST_ONLY_LAPSED = without(lua.LOOK, "redis.call('HSET', KEYS[1], 'until_ms', 0)")
ANY_GENERATION = without(lua.LOOK, "string.sub(entry, 2, #generation + 1) == generation", "true")
