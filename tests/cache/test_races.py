"""Plays each race that the freshness protocol closes. Then plays it again without the step that closes it, and expects
a stale read. This shows that each step is needed."""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from kit.cache import protocol as cache
from kit.cache import steps
from kit.models import Unevicted
from tests.cache import dropped
from tests.cache.dropped import FENCE_MS, TRUST_MS, Drop
from tests.cache.world import NAME, StaleReadError, World

pytestmark = pytest.mark.django_db(transaction=True)

Race = Callable[[World], None]


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


def another_writer_comes_and_goes_who_holds_no_lock_in_common(world: World) -> None:
    """As with two transfers from one wallet that are accepted at the same time."""
    writer = world.writer().run(until="commit")
    steps.names_fence(world.client, [NAME], "b0b")
    steps.names_lift(world.client, [NAME], "b0b")
    world.read()
    writer.run(until="lift").die()
    world.replayer().run()
    world.read()


def the_sweep_comes_before_a_writer_commits_who_relies_on_the_outage(world: World) -> None:
    world.writer(cut_off=True).run()
    # The first writer wrote another wallet.
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


def the_clock_of_redis_is_put_back_and_gets_there_again(world: World) -> None:
    world.read()
    world.pass_ms(-10_000)
    world.reader().run(until="renew").die()
    world.writer(cut_off=True).run()
    world.pass_ms(10_000 - TRUST_MS)
    world.read()


def the_sweep_meets_a_reader_that_read_before_the_write(world: World) -> None:
    slow = world.reader().run(until="fill")
    world.writer(cut_off=True).run()
    cache.cache_sweep()
    slow.run()
    world.read()


@pytest.mark.parametrize(
    ("race", "step_dropped"),
    [
        (a_reader_that_read_before_the_write_fills_after_it, dropped.ALWAYS_FILL),
        (a_reader_reads_between_fence_and_commit, dropped.without_fence),
        (a_reader_is_served_what_was_cached_before_the_write, dropped.NO_EVICTION),
        (redis_is_wiped_while_a_fence_stands, dropped.without_quarantine),
        (redis_restarts_with_what_it_held_before_the_write, dropped.SAME_RUN),
        (redis_restarts_so_fast_that_it_is_still_trusted, dropped.SAME_RUN),
        (the_trust_is_renewed_while_a_name_is_on_record, dropped.without_record),
        (a_writer_is_cut_off_from_redis, dropped.without_outwaiting),
        (the_trust_is_renewed_while_a_cut_off_writer_commits, dropped.trust_from_now_on),
        (a_cut_off_writer_dies_before_it_has_waited, dropped.without_wait_of_replays),
        (a_writer_stalls_for_longer_than_its_fence_stands, dropped.without_transaction_timeout),
        (the_next_writer_fences_before_the_last_one_lifts, dropped.LIFT_ALL),
        (another_writer_comes_and_goes_who_holds_no_lock_in_common, dropped.ONE_FENCE),
        (the_sweep_comes_before_a_writer_commits_who_relies_on_the_outage, dropped.without_holding_the_outage),
        (a_second_outage_finds_the_cache_trusted_again, dropped.without_distinguishing_outages),
        (the_clock_of_redis_is_put_back, dropped.ANY_TRUST),
        (the_clock_of_redis_is_put_back_and_gets_there_again, dropped.TRUST_ONLY_LAPSED),
        (the_sweep_meets_a_reader_that_read_before_the_write, dropped.ALWAYS_FILL),
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
