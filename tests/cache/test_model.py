"""Readers, writers, deaths, wipes, restarts and outages in any order never lead to a stale read.

Hypothesis chooses what happens next: who begins, who takes the next step of the protocol, and what fails meanwhile. The
code, the scripts and both servers are real; see `world.py`. `dropped.py` removes single steps of the protocol.
"""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from kit.cache import protocol as cache
from tests.cache import dropped
from tests.cache.actor import Actor
from tests.cache.dropped import Drop
from tests.cache.world import StaleReadError, World

pytestmark = pytest.mark.django_db(transaction=True)

Event = Callable[[World, int], None]

MINUTE_AND_A_HALF_MS = 90_001


def go_on(actor: Actor, count: int = 1_000) -> None:
    for _ in range(count):
        if actor.is_busy and not actor.is_waiting:
            actor.step()


def read_begins(world: World, choice: int) -> None:
    if any(not reader.is_busy for reader in world.readers):
        go_on(world.reader(), choice)


def read_runs_through(world: World, choice: int) -> None:
    if any(not reader.is_busy for reader in world.readers):
        go_on(world.reader())


def write_begins(world: World, choice: int) -> None:
    if any(not writer.is_busy for writer in world.writers):
        go_on(world.writer(rolls_back=choice == 4), choice)


def write_runs_through(world: World, choice: int) -> None:
    if any(not writer.is_busy for writer in world.writers):
        go_on(world.writer())


def write_without_redis(world: World, choice: int) -> None:
    if any(not writer.is_busy for writer in world.writers):
        go_on(world.writer(cut_off=True), choice + 2)


def write_is_repeated(world: World, choice: int) -> None:
    if any(not writer.is_busy for writer in world.writers):
        go_on(world.replayer())


def somebody_takes_a_step(world: World, choice: int) -> None:
    able = [actor for actor in _busy(world) if not actor.is_waiting]
    if able:
        able[choice % len(able)].step()


def somebody_goes_on(world: World, choice: int) -> None:
    able = [actor for actor in _busy(world) if not actor.is_waiting]
    if able:
        go_on(able[choice % len(able)])


def somebody_dies(world: World, choice: int) -> None:
    busy = _busy(world)
    if busy:
        busy[choice % len(busy)].die()


def time_passes(world: World, choice: int) -> None:
    world.pass_ms([100, 150, 301, 360, 5_001][choice])


def much_time_passes(world: World, choice: int) -> None:
    world.pass_ms(MINUTE_AND_A_HALF_MS)


def redis_fails(world: World, choice: int) -> None:
    [World.wipe, World.restart, World.entry_lose, World.state_lose, World.clock_put_back][choice](world)


def redis_restarts(world: World, choice: int) -> None:
    world.restart()


def the_clock_is_put_back(world: World, choice: int) -> None:
    world.clock_put_back()


def redis_writes_to_its_disk(world: World, choice: int) -> None:
    world.snapshot_take()


def the_sweep_comes(world: World, choice: int) -> None:
    cache.cache_sweep()


#: How often each event occurs. Failures are rarer than successes, because otherwise nothing would ever be cached.
EVENTS: Sequence[Event] = [
    *[read_begins, read_runs_through, write_begins, write_runs_through] * 4,
    *[somebody_takes_a_step, somebody_goes_on] * 5,
    *[write_without_redis, write_is_repeated, time_passes] * 2,
    *[somebody_dies, much_time_passes, redis_fails, redis_writes_to_its_disk, the_sweep_comes],
]


def _busy(world: World) -> list[Actor]:
    return [actor for actor in (*world.readers, *world.writers) if actor.is_busy]


def play(world: World, events: Sequence[tuple[Event, int]]) -> int:
    """Plays the events. Returns how often a reader would have been served from the cache in between."""
    world.reset()
    for event, choice in events:
        event(world, choice)
        world.check()
    return world.servable


def play_much(world: World, dice: random.Random, events: Sequence[Event]) -> None:
    for _ in range(300):
        play(world, [(dice.choice(events), dice.randrange(5)) for _ in range(40)])


def test_no_order_of_events_leads_to_a_stale_read(world: World) -> None:
    servable = 0

    @hypothesis_settings(max_examples=100, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 4)), min_size=20, max_size=40))
    def plays(events: list[tuple[Event, int]]) -> None:
        nonlocal servable
        servable += play(world, events)

    plays()
    # Without cached reads the test would prove nothing.
    assert servable > 200


#: Events that lead to the rarer failures. Among all events, such an order would take too long to find.
RESTARTS = [read_runs_through, write_runs_through, redis_writes_to_its_disk, redis_restarts, much_time_passes]
OUTAGES = [read_runs_through, write_without_redis, time_passes, somebody_goes_on]


@pytest.mark.parametrize(
    ("step_dropped", "events"),
    [
        (dropped.ALWAYS_FILL, EVENTS),
        (dropped.NO_EVICTION, EVENTS),
        (dropped.without_fence, EVENTS),
        (dropped.without_quarantine, EVENTS),
        (dropped.without_record, EVENTS),
        (dropped.without_outwaiting, EVENTS),
        (dropped.without_wait_of_replays, EVENTS),
        (dropped.LIFT_ALL, [*[write_begins] * 2, *[somebody_takes_a_step] * 2, somebody_goes_on, read_runs_through]),
        (dropped.without_transaction_timeout, [write_begins, somebody_goes_on, read_runs_through, much_time_passes]),
        (dropped.SAME_RUN, RESTARTS),
        (dropped.ANY_GENERATION, RESTARTS),
        (dropped.ANY_TRUST, [*OUTAGES, the_clock_is_put_back]),
        (dropped.without_distinguishing_outages, [*OUTAGES, the_sweep_comes]),
        (dropped.delete_record_before_eviction, [*OUTAGES, read_begins, somebody_dies]),
    ],
)
def test_without_a_step_of_the_protocol_a_stale_read_is_soon_found(
    step_dropped: Drop, events: Sequence[Event], world: World, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """This shows that the search above is able to find stale reads."""
    step_dropped(world, monkeypatch, settings)
    with pytest.raises(StaleReadError):
        play_much(world, random.Random(8), events)
