"""v2 over HTTP: accepted transfers, counted when they are settled by workers that run at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.client import Answers, Load, load_send
from bench.http_v1 import LOAD_SHARE
from bench.measure import Bar, Figure, median, percentiles_ms
from bench.people import People
from bench.requests import CONNECTIONS, bulk_requests, transfer_requests
from bench.settle import jobs_await, tables_rest
from bench.sizes import Sizes
from bench.stage import Stage, site_run, workers_run
from transactions.models import Status, Transaction

_WARM_UP_S = 2.0
_ITEMS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    answers: Answers
    accepted_per_s: float
    settled_per_s: float


def v2_single(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    requests = transfer_requests("/api/v2/transfers", people, count=20_000, seed=3)
    return _measure(stage, sizes, requests, name="v2 over HTTP, single", items=1, connections=CONNECTIONS, bar=None)


def v2_bulk(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    requests = bulk_requests("/api/v2/transfers/bulk", people, count=100, items=_ITEMS, seed=4)
    name = f"v2 over HTTP, lists of {_ITEMS}"
    return _measure(stage, sizes, requests, name=name, items=_ITEMS, connections=4, bar=Bar(least=2.0))


def _measure(
    stage: Stage, sizes: Sizes, requests: Sequence[bytes], *, name: str, items: int, connections: int, bar: Bar | None
) -> Sequence[Figure]:
    def load(seconds: float, rate_per_s: float | None = None) -> Load:
        return Load(
            port=port,
            requests=requests,
            expected_status=202,
            connections=connections,
            seconds=seconds,
            rate_per_s=rate_per_s,
        )

    with site_run(stage) as port, workers_run(stage):
        _round(load(_WARM_UP_S), items)
        rounds = [_round(load(sizes.round_s), items) for _ in range(sizes.rounds)]
        settled_per_s = median([round_.settled_per_s for round_ in rounds])
        rate_per_s = settled_per_s / items * LOAD_SHARE
        calm = _round(load(max(sizes.round_s, 20 / rate_per_s), rate_per_s), items)
    p50_ms, p99_ms = percentiles_ms(calm.answers.latencies_ms)
    accepted_per_s = median([round_.accepted_per_s for round_ in rounds])
    note = f"p50, p99: of a request, open loop at {rate_per_s * items:.0f} transfers/s"
    return [
        Figure(scenario=f"{name}: accepted", value=accepted_per_s, p50_ms=p50_ms, p99_ms=p99_ms, note=note),
        Figure(scenario=f"{name}: settled", value=settled_per_s, bar=bar),
    ]


def _round(load: Load, items: int) -> _Round:
    tables_rest()
    before = _counts()
    answers = load_send(load)
    settled_s = jobs_await() - answers.started_s
    after = _counts()
    accepted = len(answers.latencies_ms) * items
    posted = after.get(Status.POSTED, 0) - before.get(Status.POSTED, 0)
    if posted != accepted:
        raise RuntimeError(f"{accepted} transfers were accepted, {posted} posted: {after}")
    return _Round(answers=answers, accepted_per_s=accepted / answers.took_s, settled_per_s=accepted / settled_s)


def _counts() -> dict[str, int]:
    return {status: Transaction.objects.filter(status=status).count() for status in Status.values}
