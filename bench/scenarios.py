"""Which scenarios there are, in which order, and what happens between them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from django.core.management import call_command

from bench.books import books_problem
from bench.cpu import cpu_median
from bench.events import events
from bench.history import history, history_database
from bench.http_v1 import v1_single, v1_single_with_keys
from bench.http_v2 import kafka_bulk, kafka_single, v2_bulk, v2_single
from bench.kafka import kafka_missing
from bench.machine import machine_lines
from bench.measure import PGBENCH, Figure, percentiles_ms
from bench.over_grpc import grpc_submit, grpc_submit_lists, grpc_transfer
from bench.people import People, people_load
from bench.pgbench import Baseline, baseline_choose, baseline_round
from bench.reads import reads
from bench.report import table_lines
from bench.settle import settle_cold, settle_hot, tables_rest
from bench.sizes import Sizes
from bench.stage import Stage
from wallet_project.embedded import SUPERUSER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scenario:
    """`name` is what BENCH_ONLY asks for, and stands in the table where there are no figures.

    `missing` tells why it cannot be measured here; empty where it can.
    """

    name: str
    measure: Callable[[], Sequence[Figure]]
    missing: Callable[[], str] = lambda: ""


def scenarios_run(stage: Stage, sizes: Sizes, *, only: tuple[str, ...]) -> bool:
    """Runs them and prints the table. False where one of them failed."""
    call_command("migrate", verbosity=0)
    machine = machine_lines(stage.places.root, url=stage.places.database_url(role=SUPERUSER))
    _say(*machine)
    people = people_load(sizes.wallets)
    _say(f"{sizes.wallets:,} wallets with money are there.")
    tables_rest()
    baseline = _baseline(stage, people, sizes)
    figures: list[Figure] = []
    chosen = [one for one in _scenarios(stage, people, sizes) if not only or one.name.startswith(only)]
    left_out = [f"Left out: {one.name}. {one.missing()}" for one in chosen if one.missing()]
    for scenario in chosen:
        if not scenario.missing():
            figures += _measured(scenario)
            tables_rest()
            baseline_round(stage, people, baseline, seconds=sizes.round_s)
    problem = books_problem()
    if not only or "history".startswith(only):
        with history_database(stage):
            figures += _measured(_Scenario(name="history", measure=partial(history, stage, sizes)))
    figures.insert(0, _baseline_figure(baseline, problem=problem))
    _say("", *machine, "", *table_lines(figures), *left_out)
    return not any(figure.problem for figure in figures)


def _scenarios(stage: Stage, people: People, sizes: Sizes) -> list[_Scenario]:
    return [
        _Scenario(name="settle cold", measure=lambda: [settle_cold(stage, people, sizes)]),
        _Scenario(name="settle hot", measure=lambda: [settle_hot(stage, people, sizes)]),
        _Scenario(name="v1", measure=lambda: [v1_single(stage, people, sizes)]),
        _Scenario(name="v1 with keys", measure=lambda: [v1_single_with_keys(stage, people, sizes)]),
        _Scenario(name="v2 single", measure=lambda: v2_single(stage, people, sizes)),
        _Scenario(name="v2 bulk", measure=lambda: v2_bulk(stage, people, sizes)),
        _Scenario(name="kafka single", measure=lambda: kafka_single(stage, people, sizes), missing=kafka_missing),
        _Scenario(name="kafka bulk", measure=lambda: kafka_bulk(stage, people, sizes), missing=kafka_missing),
        _Scenario(name="events", measure=lambda: events(stage, people, sizes), missing=kafka_missing),
        _Scenario(name="grpc", measure=lambda: [grpc_transfer(stage, people, sizes)]),
        _Scenario(name="grpc single", measure=lambda: grpc_submit(stage, people, sizes)),
        _Scenario(name="grpc bulk", measure=lambda: grpc_submit_lists(stage, people, sizes)),
        _Scenario(name="reads", measure=lambda: reads(stage, people, sizes)),
    ]


def _measured(scenario: _Scenario) -> Sequence[Figure]:
    """The scenario's figures; one line that says FAILED where it broke off or left the books in disorder."""
    started_s = time.monotonic()
    try:
        figures = scenario.measure()
        problem = books_problem()
    except Exception as error:  # noqa: BLE001 - the other scenarios are measured all the same
        figures, problem = [], f"{type(error).__name__}: {error}"
    _say(f"{scenario.name}: {time.monotonic() - started_s:.0f} s{', FAILED: ' + problem if problem else ''}")
    if not figures:
        return [Figure(scenario=scenario.name, problem=problem)]
    return [replace(figure, problem=problem) for figure in figures]


def _baseline(stage: Stage, people: People, sizes: Sizes) -> Baseline:
    baseline, tried = baseline_choose(stage, people, seconds=sizes.probe_s)
    for (form, clients), per_s in tried.items():
        _say(f"pgbench, {form}, {clients} clients: {per_s:,.0f} transfers/s")
    tables_rest()
    baseline_round(stage, people, baseline, seconds=sizes.round_s)
    return baseline


def _baseline_figure(baseline: Baseline, *, problem: str) -> Figure:
    p50_ms, p99_ms = percentiles_ms(baseline.latencies_ms)
    way = f"{baseline.form}, {baseline.clients} clients"
    spread = f"{min(baseline.rounds):,.0f} to {max(baseline.rounds):,.0f}"
    return Figure(
        scenario=PGBENCH,
        value=baseline.per_s,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        cpu=cpu_median(baseline.cpu),
        problem=problem,
        note=f"{way}; {len(baseline.rounds)} rounds between the scenarios, {spread}",
    )


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)
