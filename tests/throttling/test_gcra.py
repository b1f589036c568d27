"""The in-process limiter and the Redis script are one algorithm, and the in-process one is safe under threads."""

import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django_redis import get_redis_connection
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.limits.gcra import SCRIPT_TAKE, Decision, LocalBuckets, Take, decision_of
from kit.redis.pipeline import RedisCommand, commands_run, script_command
from tests.settlement.threads import in_threads

#: The script with a clock that the test sets: seconds and microseconds, as TIME returns them.
SCRIPT_AT = "local time = {ARGV[4], ARGV[5]}" + SCRIPT_TAKE
EPOCH_S = 1_735_660_800
START_US = (EPOCH_S + 50_000_000) * 1_000_000


class Clock:
    """A clock that stands still until the test sets it."""

    def __init__(self, now_us: int = START_US) -> None:
        self.now_us = now_us

    def parts(self) -> tuple[int, int]:
        return divmod(self.now_us, 1_000_000)

    def __call__(self) -> float:
        seconds, microseconds = self.parts()
        return seconds - EPOCH_S + microseconds / 1_000_000


@dataclass(frozen=True)
class Step:
    """The clock moves by a fraction of the window (backwards if negative), then a request takes units."""

    windows: float
    units: int


def steps_of(quota: int) -> st.SearchStrategy[list[Step]]:
    moves = st.one_of(
        st.just(0.0),
        st.sampled_from([1 / quota, 0.5 / quota, 1.0, -1.0]),
        st.floats(0, 0.2),
        st.floats(0, 3),
        st.floats(-3, 0),
    )
    return st.lists(st.builds(Step, moves, st.integers(1, quota)), min_size=1, max_size=30)


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, int, list[Step]]:
    """A window in seconds, a quota, and what happens to one bucket."""
    quota = draw(st.sampled_from([1, 2, 3, 7, 60, 600, 3_000]) | st.integers(1, 30_000))
    return draw(st.integers(1, 3_600)), quota, draw(steps_of(quota))


def take_in_redis(key: str, take: Take, clock: Clock) -> Decision:
    script = script_command(SCRIPT_AT, [key], (*take.arguments(), *clock.parts()))
    # Only the test's clock may make a bucket full again, not Redis's own.
    commands_run(get_redis_connection(), [script, RedisCommand(("PERSIST", key))])
    return decision_of(script.reply)


@settings(max_examples=300)
@given(histories())
@example((60, 1, [Step(0.0, 1), Step(0.0, 1), Step(1.0, 1)]))
# The clock is put back by an hour: the bucket counts as empty, and fills within one window.
@example((1, 20, [Step(0.0, 1), Step(-3_600.0, 1), Step(0.05, 1), Step(1.0, 20)]))
# A bucket without an entry, and a clock before its first one.
@example((10, 5, [Step(-2.0, 5), Step(-2.0, 5), Step(1.0, 5)]))
def test_both_limiters_decide_alike_whatever_the_clock_and_the_requests_do(
    history: tuple[int, int, list[Step]],
) -> None:
    window_s, quota, steps = history
    clock = Clock()
    local, key = LocalBuckets(keys_max=1, clock_s=clock), f"test:{uuid.uuid4()}"
    for step in steps:
        clock.now_us += round(step.windows * window_s * 1_000_000)
        take = Take(interval_s=window_s / quota, quota=quota, units=step.units)

        here, there = local.take(key, take), take_in_redis(key, take, clock)

        assert (here.is_refused, here.remaining) == (there.is_refused, there.remaining)
        # The script's reply has fourteen digits.
        assert here.full_after_s == pytest.approx(there.full_after_s, rel=1e-12, abs=1e-9)
        assert here.retry_after_s == pytest.approx(there.retry_after_s, rel=1e-12, abs=1e-9)


@settings(max_examples=300)
@given(histories())
def test_no_bucket_ever_gives_more_than_it_holds_and_what_flows_in(history: tuple[int, int, list[Step]]) -> None:
    """The bound that GCRA promises, as long as the clock only goes forward."""
    window_s, quota, steps = history
    clock = Clock()
    local, taken = LocalBuckets(keys_max=1, clock_s=clock), 0
    for step in steps:
        clock.now_us += round(abs(step.windows) * window_s * 1_000_000)
        decision = local.take("alice", Take(interval_s=window_s / quota, quota=quota, units=step.units))
        taken += 0 if decision.is_refused else step.units
        passed_s = (clock.now_us - START_US) / 1_000_000

        assert 0 <= decision.remaining <= quota
        assert taken <= quota + passed_s * quota / window_s + 1e-3


@settings(max_examples=100)
@given(histories())
def test_a_refused_request_succeeds_after_the_wait_it_was_told(history: tuple[int, int, list[Step]]) -> None:
    window_s, quota, steps = history
    clock = Clock()
    local = LocalBuckets(keys_max=1, clock_s=clock)
    for step in steps:
        clock.now_us += round(step.windows * window_s * 1_000_000)
        take = Take(interval_s=window_s / quota, quota=quota, units=step.units)
        decision = local.take("alice", take)
        if decision.is_refused:
            clock.now_us += int(decision.retry_after_s * 1_000_000) + 2
            assert not local.take("alice", take).is_refused


def test_a_clock_put_back_costs_at_most_one_window() -> None:
    clock = Clock()
    local, take = LocalBuckets(keys_max=1, clock_s=clock), Take(interval_s=1.0, quota=60, units=1)
    local.take("alice", take)
    clock.now_us -= 3_600 * 1_000_000

    refused = local.take("alice", take)
    clock.now_us += 60 * 1_000_000

    assert (refused.is_refused, refused.remaining, refused.retry_after_s) == (True, 0, 1.0)
    assert local.take("alice", take).remaining == 59


def test_it_forgets_the_bucket_that_was_used_longest_ago() -> None:
    """Even a refused request counts as a use: a flood does not push its own bucket out."""
    local, take = LocalBuckets(keys_max=2, clock_s=Clock()), Take(interval_s=1.0, quota=1, units=1)
    local.take("alice", take)
    local.take("bob", take)
    assert local.take("alice", take).is_refused

    local.take("charlie", take)

    assert len(local) == 2
    assert local.take("alice", take).is_refused
    assert not local.take("bob", take).is_refused


@pytest.fixture
def _busy_switching() -> Iterator[None]:
    """Threads take turns as often as Python can manage, to meet each other inside a take."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before_s)


@pytest.mark.usefixtures("_busy_switching")
def test_threads_never_take_the_same_unit() -> None:
    local, take = LocalBuckets(keys_max=10, clock_s=Clock()), Take(interval_s=1.0, quota=5_000, units=1)

    def admitted() -> int:
        return sum(not local.take("alice", take).is_refused for _ in range(1_000))

    assert sum(in_threads(admitted, count=8)) == 5_000


@pytest.mark.usefixtures("_busy_switching")
def test_threads_with_ever_new_keys_keep_within_the_bound() -> None:
    local, take = LocalBuckets(keys_max=50, clock_s=Clock()), Take(interval_s=1.0, quota=1, units=1)

    def refused() -> int:
        return sum(local.take(str(uuid.uuid4()), take).is_refused for _ in range(1_000))

    assert sum(in_threads(refused, count=8)) == 0
    assert len(local) == 50
