"""Snowflake ids: their layout, and that no behaviour of the clock produces an id twice."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.clocks import LEASE_MS, START_MS, Clock, Leases
from wallets.domain import ids
from wallets.domain.ids import (
    BEHIND_WAIT_MAX_MS,
    EPOCH_MS,
    NODE_BITS,
    NODES,
    SEQUENCE_BITS,
    TIME_BITS,
    ClockError,
    NodeSpan,
    SnowflakeGenerator,
    clock_ms,
    snowflake_time,
)

SEQUENCES = 1 << SEQUENCE_BITS


def parts(snowflake: int) -> tuple[int, int, int]:
    """The parts of an id: (Unix time in ms, node, sequence)."""
    return (
        (snowflake >> (NODE_BITS + SEQUENCE_BITS)) + EPOCH_MS,
        snowflake >> SEQUENCE_BITS & (NODES - 1),
        snowflake & (SEQUENCES - 1),
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


@pytest.fixture
def leases(clock: Clock) -> Leases:
    return Leases(clock)


@pytest.fixture
def generator(clock: Clock, leases: Leases) -> SnowflakeGenerator:
    return SnowflakeGenerator(lease=leases.take, clock=clock)


def always(span: NodeSpan) -> Callable[[], NodeSpan]:
    return lambda: span


def test_an_id_consists_of_time_node_and_sequence_in_63_bits() -> None:
    assert TIME_BITS + NODE_BITS + SEQUENCE_BITS == 63
    clock = Clock(EPOCH_MS + 5)
    generator = SnowflakeGenerator(lease=always(NodeSpan(node=7, since_ms=0, until_ms=2**62)), clock=clock)
    assert generator.next() == 5 << 22 | 7 << 12
    assert generator.next() == 5 << 22 | 7 << 12 | 1


def test_the_largest_id_is_the_largest_int64() -> None:
    last_ms = EPOCH_MS + 2**TIME_BITS - 1
    span = NodeSpan(node=NODES - 1, since_ms=0, until_ms=last_ms + 1)
    generator = SnowflakeGenerator(lease=always(span), clock=Clock(last_ms))
    assert [generator.next() for _ in range(SEQUENCES)][-1] == 2**63 - 1


def test_an_id_contains_the_time_when_it_was_made(generator: SnowflakeGenerator, clock: Clock) -> None:
    assert snowflake_time(generator.next()) == datetime.fromtimestamp(clock.now_ms / 1_000, tz=UTC)
    assert snowflake_time(0) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("now_ms", [0, EPOCH_MS - 1, EPOCH_MS + 2**TIME_BITS])
def test_it_refuses_a_time_that_an_id_cannot_hold(now_ms: int) -> None:
    generator = SnowflakeGenerator(lease=always(NodeSpan(node=0, since_ms=0, until_ms=2**62)), clock=Clock(now_ms))
    with pytest.raises(ClockError, match="2026 to 2095"):
        generator.next()


def test_ids_of_one_millisecond_count_up(generator: SnowflakeGenerator) -> None:
    made = [parts(generator.next()) for _ in range(3)]
    assert made == [(START_MS, 0, 0), (START_MS, 0, 1), (START_MS, 0, 2)]


def test_a_new_millisecond_starts_counting_from_zero(generator: SnowflakeGenerator, clock: Clock) -> None:
    generator.next()
    clock.now_ms += 1
    assert parts(generator.next()) == (START_MS + 1, 0, 0)


def test_it_waits_for_the_next_millisecond_when_one_is_used_up(generator: SnowflakeGenerator, clock: Clock) -> None:
    made = [generator.next() for _ in range(SEQUENCES + 1)]
    assert parts(made[-2]) == (START_MS, 0, SEQUENCES - 1)
    assert parts(made[-1]) == (START_MS + 1, 0, 0)
    assert made == sorted(set(made))
    assert clock.slept_ms == 1


def test_it_waits_for_a_clock_that_is_a_little_behind(generator: SnowflakeGenerator, clock: Clock) -> None:
    before = generator.next()
    clock.now_ms -= BEHIND_WAIT_MAX_MS
    after = generator.next()
    assert clock.slept_ms == BEHIND_WAIT_MAX_MS
    assert parts(after) == (START_MS, 0, 1)
    assert after > before


def test_it_refuses_a_clock_far_behind_until_the_clock_has_caught_up(
    generator: SnowflakeGenerator, clock: Clock
) -> None:
    before = generator.next()
    clock.now_ms -= BEHIND_WAIT_MAX_MS + 1
    with pytest.raises(ClockError, match="1001 ms behind"):
        generator.next()
    assert clock.slept_ms == 0
    clock.now_ms += BEHIND_WAIT_MAX_MS + 2
    assert generator.next() > before


def test_it_refuses_a_clock_that_goes_back_further_during_the_wait(generator: SnowflakeGenerator, clock: Clock) -> None:
    generator.next()
    clock.now_ms -= 10
    clock.jumps = [-3_600_000]
    with pytest.raises(ClockError, match="3600000 ms behind"):
        generator.next()
    assert clock.slept_ms == 10


def test_it_takes_a_new_lease_when_one_has_expired(generator: SnowflakeGenerator, clock: Clock, leases: Leases) -> None:
    generator.next()
    clock.now_ms += LEASE_MS - 1
    generator.next()
    assert len(leases.granted) == 1
    clock.now_ms += 1
    assert parts(generator.next()) == (START_MS + LEASE_MS, 0, 0)
    assert len(leases.granted) == 2


def test_an_overflow_at_the_end_of_a_lease_continues_in_the_next_lease(
    generator: SnowflakeGenerator, clock: Clock, leases: Leases
) -> None:
    generator.next()
    clock.now_ms += LEASE_MS - 1
    made = [generator.next() for _ in range(SEQUENCES + 1)]
    assert parts(made[-1]) == (START_MS + LEASE_MS, 0, 0)
    assert len(leases.granted) == 2


def test_it_waits_for_the_beginning_of_its_lease(clock: Clock) -> None:
    span = NodeSpan(node=3, since_ms=START_MS + 20, until_ms=START_MS + LEASE_MS)
    generator = SnowflakeGenerator(lease=always(span), clock=clock)
    assert parts(generator.next()) == (START_MS + 20, 3, 0)
    assert clock.slept_ms == 20


def test_it_refuses_a_lease_that_begins_far_ahead(clock: Clock) -> None:
    span = NodeSpan(node=3, since_ms=START_MS + 60_000, until_ms=START_MS + LEASE_MS)
    generator = SnowflakeGenerator(lease=always(span), clock=clock)
    for _ in range(2):
        with pytest.raises(ClockError, match="behind"):
            generator.next()


def test_it_refuses_a_lease_that_has_expired_already_and_asks_again(clock: Clock) -> None:
    spans = [
        NodeSpan(node=3, since_ms=0, until_ms=START_MS),
        NodeSpan(node=4, since_ms=START_MS, until_ms=START_MS + 1),
    ]
    generator = SnowflakeGenerator(lease=lambda: spans.pop(0), clock=clock)
    with pytest.raises(ClockError, match="ahead"):
        generator.next()
    assert parts(generator.next()) == (START_MS, 4, 0)


def test_a_failed_lease_changes_nothing(clock: Clock, leases: Leases) -> None:
    answers: list[Callable[[], NodeSpan]] = [leases.take, _refuse, leases.take]

    def lease() -> NodeSpan:
        answer = answers.pop(0)
        return answer()

    generator = SnowflakeGenerator(lease=lease, clock=clock)
    before = generator.next()
    clock.now_ms += LEASE_MS
    with pytest.raises(RuntimeError, match="no node"):
        generator.next()
    assert generator.next() > before


def _refuse() -> NodeSpan:
    raise RuntimeError("no node")


def test_threads_never_get_the_same_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads switch at every read of the clock, and a millisecond is used up after four ids."""
    monkeypatch.setattr(ids, "_SEQUENCE_MAX", 3)

    def clock() -> int:
        time.sleep(0)
        return clock_ms()

    generator = SnowflakeGenerator(lease=always(NodeSpan(node=0, since_ms=0, until_ms=2**62)), clock=clock)
    made: list[list[int]] = [[] for _ in range(8)]
    threads = [
        threading.Thread(target=lambda own=own: own.extend(generator.next() for _ in range(200))) for own in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len({snowflake for own in made for snowflake in own}) == 1_600
    assert all(own == sorted(own) for own in made)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.one_of(st.integers(-3, 3), st.integers(-2 * LEASE_MS, 2 * LEASE_MS)),
            st.sampled_from([1, 2, SEQUENCES]),
        ),
        max_size=40,
    )
)
def test_no_behaviour_of_the_clock_makes_an_id_twice(turns: list[tuple[int, int, int]]) -> None:
    """Three processes share one clock, which jumps in both directions between their turns."""
    clock = Clock()
    leases = Leases(clock)
    generators = [SnowflakeGenerator(lease=leases.take, clock=clock) for _ in range(3)]
    made: list[list[int]] = [[], [], []]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", clock.sleep)
        for process, jump_ms, count in turns:
            clock.now_ms += jump_ms
            with suppress(ClockError):
                made[process].extend(generators[process].next() for _ in range(count))
    together = [snowflake for own in made for snowflake in own]
    assert len(set(together)) == len(together)
    assert all(own == sorted(own) for own in made)
