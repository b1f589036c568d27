"""Accepting transfers through one door and settling them through one channel, both at the same time."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bench.client import Answers, Load, load_send
from bench.http_v1 import LOAD_SHARE
from bench.measure import Bar, Figure, median, percentiles_ms
from bench.settle import jobs_await, tables_rest
from bench.sizes import Sizes
from bench.stage import Stage, site_run, workers_run
from transactions.models import Status, Transaction

_WARM_UP_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What lies between accepting and settling. `run` starts who settles, and yields what a door's environment must
    say; `await_settled` waits until so many transfers are posted, and returns the moment (monotonic)."""

    run: Callable[[Stage], AbstractContextManager[Mapping[str, str]]]
    await_settled: Callable[[int], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Who takes the transfers. `run` starts it with an environment, and yields its port."""

    run: Callable[[Stage, Mapping[str, str]], AbstractContextManager[int]]
    expected_status: int
    grpc_method: str = ""


POSTGRES = Channel(run=workers_run, await_settled=lambda _: jobs_await())
HTTP_V2 = Admission(run=lambda stage, environment: site_run(stage, environment=environment), expected_status=202)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepting:
    """What is measured: requests of so many `items` each, over so many connections."""

    name: str
    requests: Sequence[bytes]
    items: int
    connections: int
    door: Admission = HTTP_V2
    channel: Channel = POSTGRES
    bar: Bar | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    answers: Answers
    accepted_per_s: float
    settled_per_s: float


def accepting_measure(stage: Stage, sizes: Sizes, accepting: Accepting) -> Sequence[Figure]:
    """Two figures: how many transfers are accepted a second, and how many of them are settled."""
    name, items = accepting.name, accepting.items
    with accepting.channel.run(stage) as environment, accepting.door.run(stage, environment) as port:
        _round(accepting, port, _WARM_UP_S)
        rounds = [_round(accepting, port, sizes.round_s) for _ in range(sizes.rounds)]
        settled_per_s = median([round_.settled_per_s for round_ in rounds])
        rate_per_s = settled_per_s / items * LOAD_SHARE
        calm = _round(accepting, port, max(sizes.round_s, 20 / rate_per_s), rate_per_s)
    p50_ms, p99_ms = percentiles_ms(calm.answers.latencies_ms)
    accepted_per_s = median([round_.accepted_per_s for round_ in rounds])
    note = f"p50, p99: of a request, open loop at {rate_per_s * items:.0f} transfers/s"
    return [
        Figure(scenario=f"{name}: accepted", value=accepted_per_s, p50_ms=p50_ms, p99_ms=p99_ms, note=note),
        Figure(scenario=f"{name}: settled", value=settled_per_s, bar=accepting.bar),
    ]


def _round(accepting: Accepting, port: int, seconds: float, rate_per_s: float | None = None) -> _Round:
    tables_rest()
    before = _counts()
    answers = load_send(
        Load(
            port=port,
            requests=accepting.requests,
            expected_status=accepting.door.expected_status,
            connections=accepting.connections,
            seconds=seconds,
            rate_per_s=rate_per_s,
            grpc_method=accepting.door.grpc_method,
        )
    )
    accepted = len(answers.latencies_ms) * accepting.items
    wanted = before.get(Status.POSTED, 0) + accepted
    settled_s = accepting.channel.await_settled(wanted) - answers.started_s
    after = _counts()
    if after.get(Status.POSTED, 0) != wanted:
        raise RuntimeError(f"{accepted} transfers were accepted: {before} before, {after} after")
    return _Round(answers=answers, accepted_per_s=accepted / answers.took_s, settled_per_s=accepted / settled_s)


def _counts() -> dict[str, int]:
    return {status: Transaction.objects.filter(status=status).count() for status in Status.values}
