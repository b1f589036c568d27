"""Accepting transfers through one entry point and settling them through one channel, both at the same time."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from django.db import connection

from bench import interfaces
from bench.client import Answers, Load, load_send
from bench.cpu import Cpu, cpu_median
from bench.http_v1 import LOAD_SHARE
from bench.kafka import broker_run
from bench.measure import Bar, Figure, median, percentiles_ms
from bench.settle import backend_pid, jobs_await, tables_rest
from bench.sizes import Sizes
from bench.stage import Stage, process_run, site_run, workers_run
from transactions.models import Status, Transaction

_WARM_UP_S = 2.0
#: As many as there are Celery workers.
_CONSUMERS = 2
_TIME_LIMIT_S = 120.0
_POLL_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What lies between accepting and settling.

    `run` starts who settles, and yields the environment that an entry point needs. `await_settled` waits until so
    many transfers are posted, and returns the moment (monotonic)."""

    run: Callable[[Stage], AbstractContextManager[Mapping[str, str]]]
    await_settled: Callable[[int], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """Who takes the transfers. `run` starts it with an environment, and yields its port."""

    run: Callable[[Stage, Mapping[str, str]], AbstractContextManager[int]]
    expected_status: int
    grpc_method: str = ""


@contextmanager
def _consumers_run(stage: Stage) -> Iterator[Mapping[str, str]]:
    with broker_run(stage) as broker, ExitStack() as stack:
        environment = {**broker, interfaces.CHANNEL: "kafka"}
        for number in range(_CONSUMERS):
            stack.enter_context(process_run(stage, f"consumer-{number}", interfaces.CONSUME_TRANSFERS, environment))
        yield environment


def _posted_await(wanted: int) -> float:
    """Waits until so many transfers are posted; the moment (monotonic) at which that was seen.

    With Kafka there are no jobs to watch. Counting transactions slows those who settle them, so it begins only when as
    many entries have been numbered as so many transfers have at least."""
    deadline = time.monotonic() + _TIME_LIMIT_S
    while _entries_numbered() < 2 * wanted or _posted() < wanted:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{wanted - _posted()} transfers were not settled in {_TIME_LIMIT_S:.0f} s")
        time.sleep(_POLL_S)
    return time.monotonic()


def _posted() -> int:
    return _counts().get(Status.POSTED, 0)


def _entries_numbered() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM transactions_entry_id_seq")
        return int(cursor.fetchone()[0])


POSTGRES = Channel(run=workers_run, await_settled=lambda _: jobs_await())
KAFKA = Channel(run=_consumers_run, await_settled=_posted_await)
HTTP_V2 = EntryPoint(run=lambda stage, environment: site_run(stage, environment=environment), expected_status=202)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepting:
    """What is measured: requests of so many `items` each, over so many connections."""

    name: str
    requests: Sequence[bytes]
    items: int
    connections: int
    entry_point: EntryPoint = HTTP_V2
    channel: Channel = POSTGRES
    bar: Bar | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    answers: Answers
    accepted_per_s: float
    settled_per_s: float
    #: Of one transfer, accepting and settling together.
    cpu: Cpu


def accepting_measure(stage: Stage, sizes: Sizes, accepting: Accepting) -> Sequence[Figure]:
    """Two figures: how many transfers are accepted a second, and how many of them are settled.

    The processor time stands beside the second one, and is that of accepting and settling together."""
    name, items = accepting.name, accepting.items
    with accepting.channel.run(stage) as environment, accepting.entry_point.run(stage, environment) as port:
        _round(stage, accepting, port, _WARM_UP_S)
        rounds = [_round(stage, accepting, port, sizes.round_s) for _ in range(sizes.rounds)]
        settled_per_s = median([round_.settled_per_s for round_ in rounds])
        rate_per_s = settled_per_s / items * LOAD_SHARE
        calm = _round(stage, accepting, port, max(sizes.round_s, 20 / rate_per_s), rate_per_s)
    p50_ms, p99_ms = percentiles_ms(calm.answers.latencies_ms)
    accepted_per_s = median([round_.accepted_per_s for round_ in rounds])
    note = f"p50, p99: of a request, open loop at {rate_per_s * items:.0f} transfers/s"
    return [
        Figure(scenario=f"{name}: accepted", value=accepted_per_s, p50_ms=p50_ms, p99_ms=p99_ms, note=note),
        Figure(
            scenario=f"{name}: settled",
            value=settled_per_s,
            bar=accepting.bar,
            cpu=cpu_median([round_.cpu for round_ in rounds]),
        ),
    ]


def _round(stage: Stage, accepting: Accepting, port: int, seconds: float, rate_per_s: float | None = None) -> _Round:
    tables_rest()
    before = _counts()
    meter = stage.meter(left_out=backend_pid())
    answers = load_send(
        Load(
            port=port,
            requests=accepting.requests,
            expected_status=accepting.entry_point.expected_status,
            connections=accepting.connections,
            seconds=seconds,
            rate_per_s=rate_per_s,
            grpc_method=accepting.entry_point.grpc_method,
        ),
        at_start=meter.start,
    )
    accepted = len(answers.latencies_ms) * accepting.items
    wanted = before.get(Status.POSTED, 0) + accepted
    settled_s = accepting.channel.await_settled(wanted) - answers.started_s
    used = meter.stop(load_ms=answers.cpu_ms)
    after = _counts()
    if after.get(Status.POSTED, 0) != wanted:
        raise RuntimeError(f"{accepted} transfers were accepted: {before} before, {after} after")
    return _Round(
        answers=answers,
        accepted_per_s=accepted / answers.took_s,
        settled_per_s=accepted / settled_s,
        cpu=used.per(accepted),
    )


def _counts() -> dict[str, int]:
    return {status: Transaction.objects.filter(status=status).count() for status in Status.values}
