"""The races that the freshness protocol closes, each played in its order; and what happens without the step that
closes it: a stale read. So each step earns its place."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from tests.cache.world import NAME, StaleReadError, World
from wallets import cache
from wallets.freshness import lua, outage, steps, unevicted
from wallets.models import Unevicted

pytestmark = pytest.mark.django_db(transaction=True)

Race = Callable[[World], None]
Drop = Callable[[World, pytest.MonkeyPatch, Settings], None]

FENCE_MS = 90_000
TRUST_MS = 300


def a_reader_that_read_before_the_write_fills_after_it(world: World) -> None:
    slow = world.reader().run(until="fill")
    world.write()
    slow.run()
    world.read()


def a_reader_reads_between_fence_and_commit(world: World) -> None:
    writer = world.writer().run(until="commit")
    world.read()
    writer.run(until="lift").die()
    world.replayer().run()
    world.read()


def a_reader_is_served_what_was_cached_before_the_write(world: World) -> None:
    world.read()
    world.writer().run(until="lift").die()
    world.pass_ms(FENCE_MS + 1)
    world.replayer().run()
    world.read()


def redis_is_wiped_while_a_fence_stands(world: World) -> None:
    writer = world.writer().run(until="commit")
    world.wipe()
    world.read()
    world.pass_ms(TRUST_MS + 1)
    world.read()
    writer.run(until="lift").die()
    world.replayer().run()
    world.read()


def redis_restarts_with_what_it_held_before_the_write(world: World) -> None:
    world.read()
    world.snapshot_take()
    world.write()
    world.restart()
    world.read()
    world.pass_ms(FENCE_MS + 1)
    world.read()


def redis_restarts_so_fast_that_it_is_still_trusted(world: World) -> None:
    world.read()
    world.snapshot_take()
    world.write()
    world.restart()
    world.read()


def a_writer_is_cut_off_from_redis(world: World) -> None:
    world.read()
    world.writer(cut_off=True).run()
    world.read()


def the_trust_is_renewed_while_a_name_is_on_record(world: World) -> None:
    world.read()
    world.writer(cut_off=True).run()
    world.pass_ms(TRUST_MS)
    world.read()
    world.read()


def the_trust_is_renewed_while_a_cut_off_writer_commits(world: World) -> None:
    world.read()
    world.pass_ms(TRUST_MS + 1)
    renewing = world.reader().run(until="renew")
    writer = world.writer(cut_off=True).run(until="sleep")
    world.pass_ms(TRUST_MS // 2)
    writer.run()
    renewing.run()
    world.read()


def a_cut_off_writer_dies_before_it_has_waited(world: World) -> None:
    world.read()
    world.writer(cut_off=True).run(until="sleep").die()
    world.replayer().run()
    world.read()


def a_writer_stalls_for_longer_than_its_fence_stands(world: World) -> None:
    writer = world.writer().run(until="commit")
    world.pass_ms(FENCE_MS + 1)
    world.read()
    world.read()
    if writer.is_busy:
        writer.run(until="lift").die()
        world.replayer().run()
    world.read()


def the_next_writer_fences_before_the_last_one_lifts(world: World) -> None:
    first = world.writer().run(until="lift")
    second = world.writer().run(until="commit")
    first.run()
    world.read()
    second.run(until="lift").die()
    world.replayer().run()
    world.read()


def the_sweep_comes_before_a_writer_commits_who_relies_on_the_outage(world: World) -> None:
    world.writer(cut_off=True).run()
    # It was another wallet that the first one wrote.
    Unevicted.objects.filter(name=NAME).update(name="wallet:2")
    writer = world.writer(cut_off=True).run(until="commit")
    cache.cache_sweep()
    world.read()
    world.pass_ms(TRUST_MS + 1)
    world.read()
    world.read()
    while writer.is_busy and not writer.is_asleep:
        writer.step()
    world.read()


def a_second_outage_finds_the_cache_trusted_again(world: World) -> None:
    world.writer(cut_off=True).run()
    cache.cache_sweep()
    world.read()
    world.writer(cut_off=True).run()
    world.read()


def the_clock_of_redis_is_put_back(world: World) -> None:
    world.read()
    world.pass_ms(-10_000)
    world.writer(cut_off=True).run()
    world.read()


def the_sweep_meets_a_reader_that_read_before_the_write(world: World) -> None:
    slow = world.reader().run(until="fill")
    world.writer(cut_off=True).run()
    cache.cache_sweep()
    slow.run()
    world.read()


def without(script: lua.Script, line: str, instead: str = "") -> Drop:
    """A script without one of its lines."""
    assert line in script.body

    def drop(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
        patch.setattr(script, "body", script.body.replace(line, instead))

    return drop


def without_fence(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    """The writer evicts after its commit alone, as caches commonly do."""
    patch.setattr(steps, "names_fence", lambda *_: None)


def without_quarantine(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.CACHE_FENCE_S = 0


def without_transaction_timeout(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.DATABASE_TRANSACTION_TIMEOUT_MS = 10 * FENCE_MS


def without_record(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    """A cut-off writer does not put its names on record."""
    patch.setattr(unevicted, "names_note", lambda _: None)


def trust_from_now_on(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    """The trust counts from its renewal, not from before Postgres was asked."""

    def renew(client: Any, look: steps.Look) -> None:
        world.stand("renew")
        client.hset(lua.STATE, "until_ms", world.now_ms + TRUST_MS)

    patch.setattr(steps, "trust_renew", renew)


def without_outwaiting(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    patch.setattr(outage, "_trust_s", lambda: 0.0)


def without_holding_the_outage(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    patch.setattr(outage, "HOLD_SQL", outage.HOLD_SQL.removesuffix(" FOR SHARE"))


def without_telling_outages_apart(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    patch.setattr(outage, "HOLD_SQL", "SELECT '2026-01-01'::timestamptz WHERE %s = ''")
    patch.setattr(outage, "_outage_at", None)


def without_waiting_in_its_stead(world: World, patch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Whoever answers for an earlier call does not ask whether that one had waited."""
    patch.setattr(cache, "cache_replayed", lambda _: None)


ALWAYS_FILL = without(lua.FILL, "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end")
NO_EVICTION = without(lua.FENCE, "redis.call('DEL', unpack(entries))")
SAME_RUN = without(lua.LOOK, "state[1] ~= run", "not state[1]")
LIFT_ALL = without(lua.LIFT, "fences_live(fences[i], now, ARGV[2])", "''")
ANY_TRUST = without(lua.LOOK, " or left > tonumber(ARGV[6])")


@pytest.mark.parametrize(
    ("race", "step_dropped"),
    [
        (a_reader_that_read_before_the_write_fills_after_it, ALWAYS_FILL),
        (a_reader_reads_between_fence_and_commit, without_fence),
        (a_reader_is_served_what_was_cached_before_the_write, NO_EVICTION),
        (redis_is_wiped_while_a_fence_stands, without_quarantine),
        (redis_restarts_with_what_it_held_before_the_write, SAME_RUN),
        (redis_restarts_so_fast_that_it_is_still_trusted, SAME_RUN),
        (the_trust_is_renewed_while_a_name_is_on_record, without_record),
        (a_writer_is_cut_off_from_redis, without_outwaiting),
        (the_trust_is_renewed_while_a_cut_off_writer_commits, trust_from_now_on),
        (a_cut_off_writer_dies_before_it_has_waited, without_waiting_in_its_stead),
        (a_writer_stalls_for_longer_than_its_fence_stands, without_transaction_timeout),
        (the_next_writer_fences_before_the_last_one_lifts, LIFT_ALL),
        (the_sweep_comes_before_a_writer_commits_who_relies_on_the_outage, without_holding_the_outage),
        (a_second_outage_finds_the_cache_trusted_again, without_telling_outages_apart),
        (the_clock_of_redis_is_put_back, ANY_TRUST),
        (the_sweep_meets_a_reader_that_read_before_the_write, ALWAYS_FILL),
    ],
)
def test_a_race_is_closed_and_open_without_the_step_that_closes_it(
    race: Race, step_dropped: Drop, world: World, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    race(world)

    step_dropped(world, monkeypatch, settings)
    world.reset()
    with pytest.raises(StaleReadError):
        race(world)
