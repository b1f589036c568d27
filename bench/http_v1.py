"""v1 over HTTP: single transfers, posted before they are answered."""

from bench import interfaces
from bench.client import Answers, Load, load_send
from bench.cpu import Cpu, cpu_median
from bench.measure import Bar, Figure, median, percentiles_ms
from bench.people import People
from bench.requests import CONNECTIONS, transfer_requests
from bench.settle import backend_pid, tables_rest
from bench.sizes import Sizes
from bench.stage import Stage, site_run
from transactions.models import Status, Transaction

V1 = "v1 over HTTP, single transfers"
V1_KEYS = "v1 over HTTP, with idempotency keys"
#: More than the site answers, so that no idempotency key comes twice in a round.
_PER_S_MAX = 3_000
_WARM_UP_S = 2.0
#: The part of its greatest throughput at which latencies are taken.
LOAD_SHARE = 0.5


def v1_single(stage: Stage, people: People, sizes: Sizes) -> Figure:
    with site_run(stage) as port:
        _round(stage, people, port, seconds=_WARM_UP_S, name="warm")
        rounds = [_round(stage, people, port, seconds=sizes.round_s, name=f"{n}") for n in range(sizes.rounds)]
        per_s = median([answers.per_s for answers, _ in rounds])
        calm, _ = _round(stage, people, port, seconds=sizes.round_s, name="open", rate_per_s=per_s * LOAD_SHARE)
    p50_ms, p99_ms = percentiles_ms(calm.latencies_ms)
    bar = Bar(least=0.25, aim=0.5)
    note = f"p50, p99: open loop at {per_s * LOAD_SHARE:.0f}/s"
    used = cpu_median([used for _, used in rounds])
    return Figure(scenario=V1, value=per_s, p50_ms=p50_ms, p99_ms=p99_ms, bar=bar, note=note, cpu=used)


def v1_single_with_keys(stage: Stage, people: People, sizes: Sizes) -> Figure:
    with site_run(stage) as port:
        _round(stage, people, port, seconds=_WARM_UP_S, name="key-warm")
        rounds = [_round(stage, people, port, seconds=sizes.round_s, name=f"key-{n}") for n in range(sizes.rounds)]
    return Figure(
        scenario=V1_KEYS,
        value=median([answers.per_s for answers, _ in rounds]),
        cpu=cpu_median([used for _, used in rounds]),
    )


def _round(
    stage: Stage, people: People, port: int, *, seconds: float, name: str, rate_per_s: float | None = None
) -> tuple[Answers, Cpu]:
    """The answers, and the processor time of each."""
    keys = name if name.startswith("key") else ""
    count = int(_PER_S_MAX * seconds) if keys else 20_000
    tables_rest()
    before = _posted()
    meter = stage.meter(left_out=backend_pid())
    answers = load_send(
        Load(
            port=port,
            requests=transfer_requests(interfaces.TRANSFERS_V1, people, count=count, keys=keys, seed=hash(name)),
            expected_status=201,
            connections=CONNECTIONS,
            seconds=seconds,
            rate_per_s=rate_per_s,
        ),
        at_start=meter.start,
    )
    used = meter.stop(load_ms=answers.cpu_ms)
    posted = _posted() - before
    if posted != len(answers.latencies_ms):
        raise RuntimeError(f"{len(answers.latencies_ms)} transfers were answered with 201, {posted} are posted")
    return answers, used.per(posted)


def _posted() -> int:
    return Transaction.objects.filter(status=Status.POSTED).count()
