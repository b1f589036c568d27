"""`BENCH_AGAINST=<commit> make bench`: every scenario on the other commit and on this checkout, by turns."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

from bench import interfaces
from bench.against.checkout import checkout_make, head_describe
from bench.against.report import Comparison, comparison_lines
from bench.against.scenarios import Scenario, scenarios
from bench.against.side import Side, processes_run, side_make
from bench.against.turns import Lengths, plan_compare
from bench.kafka import broker_run, kafka_missing
from bench.machine import machine_lines
from bench.stage import RUN_PREFIX, servers_run
from devtools.leftovers import abandoned_remove
from wallet_project.embedded import SUPERUSER

T = TypeVar("T")
_PEOPLE = 10_000


def against_run(revision: str, *, is_quick: bool, only: tuple[str, ...]) -> bool:
    """Runs the comparison and prints its table. False if a scenario failed. Raises CheckoutError."""
    _say(f"Making a checkout of {revision} with its own virtual environment (a minute or two, once) …")
    other = checkout_make(revision)
    abandoned_remove(prefix=RUN_PREFIX)
    with ExitStack() as stack:
        stages = [
            stack.enter_context(servers_run(checkout=other.path, python=other.python)),
            stack.enter_context(servers_run()),
        ]
        names = [other.commit[:7], f"now {head_describe()}"]
        machine = machine_lines(stages[0].places.root, url=stages[0].places.database_url("postgres", role=SUPERUSER))
        _say(*machine)
        sides = _both(lambda at: side_make(names[at], stages[at], people=_PEOPLE))
        for side in sides:
            stack.callback(side.database.close)
        chosen = [one for one in scenarios() if not only or one.name.startswith(only)]
        left_out = [one for one in chosen if one.needs_broker and kafka_missing()]
        comparisons: list[Comparison] = []
        for _, group in groupby([one for one in chosen if one not in left_out], key=lambda one: one.processes):
            comparisons += _group_compare(list(group), sides, _lengths(is_quick=is_quick))
    _say("", *machine, "", *comparison_lines(comparisons, names))
    _say(*(f"Left out: {one.name}. {kafka_missing()}" for one in left_out))
    return not any(comparison.problem for comparison in comparisons)


def _lengths(*, is_quick: bool) -> Lengths:
    if is_quick:
        return Lengths(
            in_step_least=3, in_step_most=5, in_step_s=1.2, error=0.02, rounds=3, turn_s=0.5, order=(0, 1),
            held_requests=150,
        )  # fmt: skip
    return Lengths(
        in_step_least=6, in_step_most=20, in_step_s=2.0, error=0.012, rounds=5, turn_s=0.6, order=(0, 1, 1, 0),
        held_requests=300,
    )  # fmt: skip


def _group_compare(group: Sequence[Scenario], sides: Sequence[Side], lengths: Lengths) -> list[Comparison]:
    """Scenarios that need the same processes, one after another."""
    try:
        with _processes(group[0], sides):
            return [_compare(scenario, sides, lengths) for scenario in group]
    except Exception as error:  # noqa: BLE001 - so are those that need other processes
        problem = f"{type(error).__name__}: {error}"
        return [Comparison(name=one.name, unit=one.unit, problem=problem) for one in group]


def _compare(scenario: Scenario, sides: Sequence[Side], lengths: Lengths) -> Comparison:
    started_s = time.monotonic()
    comparison = Comparison(name=scenario.name, unit=scenario.unit)
    try:
        comparison = replace(comparison, outcomes=plan_compare(scenario.plan, sides, lengths))
    except Exception as error:  # noqa: BLE001 - the other scenarios are compared all the same
        comparison = replace(comparison, problem=f"{type(error).__name__}: {error}")
    problem = comparison.problem or "; ".join(filter(None, _both(lambda at: sides[at].audit())))
    _say(f"{scenario.name}: {time.monotonic() - started_s:.0f} s{', FAILED: ' + problem if problem else ''}")
    return replace(comparison, problem=problem)


@contextmanager
def _processes(scenario: Scenario, sides: Sequence[Side]) -> Iterator[None]:
    """Both sides' processes; for Kafka, each with a broker of its own."""
    with ExitStack() as stack:
        for side in sides:
            environment: dict[str, str] = {}
            if scenario.needs_broker:
                environment = {**stack.enter_context(broker_run(side.stage)), interfaces.CHANNEL: "kafka"}
            stack.enter_context(processes_run(side, scenario.processes, environment))
        yield


def _both(work: Callable[[int], T]) -> list[T]:
    """Does the work for both sides (0 and 1) at once."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, range(2)))


def _say(*lines: str) -> None:
    if lines:
        print(*lines, sep="\n", flush=True)
