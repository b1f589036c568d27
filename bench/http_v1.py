"""v1 over HTTP: single transfers, posted before they are answered."""

from bench.client import Answers, Load, load_send
from bench.measure import Bar, Figure, median, percentiles_ms
from bench.people import People
from bench.requests import CONNECTIONS, transfer_requests
from bench.settle import tables_rest
from bench.sizes import Sizes
from bench.stage import Stage, site_run
from transactions.models import Status, Transaction

V1 = "v1 over HTTP, single transfers"
V1_KEYS = "v1 over HTTP, with idempotency keys"
_PATH = "/api/v1/transfers"
#: More than the site answers, so that no idempotency key comes twice in a round.
_PER_S_MAX = 3_000
_WARM_UP_S = 2.0
#: The part of its greatest throughput at which latencies are taken.
LOAD_SHARE = 0.5


def v1_single(stage: Stage, people: People, sizes: Sizes) -> Figure:
    with site_run(stage) as port:
        _round(people, port, seconds=_WARM_UP_S, name="warm")
        rounds = [_round(people, port, seconds=sizes.round_s, name=f"{n}") for n in range(sizes.rounds)]
        per_s = median([answers.per_s for answers in rounds])
        calm = _round(people, port, seconds=sizes.round_s, name="open", rate_per_s=per_s * LOAD_SHARE)
    p50_ms, p99_ms = percentiles_ms(calm.latencies_ms)
    bar = Bar(least=0.25, aim=0.5)
    note = f"p50, p99: open loop at {per_s * LOAD_SHARE:.0f}/s"
    return Figure(scenario=V1, value=per_s, p50_ms=p50_ms, p99_ms=p99_ms, bar=bar, note=note)


def v1_single_with_keys(stage: Stage, people: People, sizes: Sizes) -> Figure:
    with site_run(stage) as port:
        _round(people, port, seconds=_WARM_UP_S, name="key-warm")
        rounds = [_round(people, port, seconds=sizes.round_s, name=f"key-{n}") for n in range(sizes.rounds)]
    return Figure(scenario=V1_KEYS, value=median([answers.per_s for answers in rounds]))


def _round(people: People, port: int, *, seconds: float, name: str, rate_per_s: float | None = None) -> Answers:
    keys = name if name.startswith("key") else ""
    count = int(_PER_S_MAX * seconds) if keys else 20_000
    tables_rest()
    before = _posted()
    answers = load_send(
        Load(
            port=port,
            requests=transfer_requests(_PATH, people, count=count, keys=keys, seed=hash(name)),
            expected_status=201,
            connections=CONNECTIONS,
            seconds=seconds,
            rate_per_s=rate_per_s,
        )
    )
    posted = _posted() - before
    if posted != len(answers.latencies_ms):
        raise RuntimeError(f"{len(answers.latencies_ms)} transfers were answered with 201, {posted} are posted")
    return answers


def _posted() -> int:
    return Transaction.objects.filter(status=Status.POSTED).count()
