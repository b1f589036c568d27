"""The wallet over gRPC: `manage.py serve_grpc`, one process, with the same people and connections as over HTTP."""

from collections.abc import Sequence

from bench import interfaces
from bench.accepting import Accepting, EntryPoint, accepting_measure
from bench.client import Answers, Load, load_send
from bench.client_grpc import OK
from bench.cpu import Cpu, cpu_median
from bench.http_v1 import LOAD_SHARE
from bench.measure import Figure, median, percentiles_ms
from bench.people import People
from bench.requests import CONNECTIONS
from bench.requests_grpc import list_requests, single_requests
from bench.settle import backend_pid, tables_rest
from bench.sizes import Sizes
from bench.stage import Stage, grpc_run
from transactions.models import Status, Transaction

_ITEMS = 1_000
_WARM_UP_S = 2.0


def grpc_transfer(stage: Stage, people: People, sizes: Sizes) -> Figure:
    """Synchronous transfers: posted before they are answered, like v1."""
    requests = single_requests(people, "TransferRequest")
    with grpc_run(stage) as port:
        _round(stage, port, requests, _WARM_UP_S)
        rounds = [_round(stage, port, requests, sizes.round_s) for _ in range(sizes.rounds)]
        per_s = median([answers.per_s for answers, _ in rounds])
        calm, _ = _round(stage, port, requests, sizes.round_s, per_s * LOAD_SHARE)
    p50_ms, p99_ms = percentiles_ms(calm.latencies_ms)
    note = f"p50, p99: open loop at {per_s * LOAD_SHARE:.0f}/s"
    used = cpu_median([used for _, used in rounds])
    return Figure(scenario="gRPC, Transfer", value=per_s, p50_ms=p50_ms, p99_ms=p99_ms, note=note, cpu=used)


def grpc_submit(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    accepting = Accepting(
        name="gRPC, SubmitTransfer",
        requests=single_requests(people, "SubmitTransferRequest"),
        items=1,
        connections=CONNECTIONS,
        entry_point=_entry_point("SubmitTransfer"),
    )
    return accepting_measure(stage, sizes, accepting)


def grpc_submit_lists(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    accepting = Accepting(
        name=f"gRPC, SubmitTransfers of {_ITEMS}",
        requests=list_requests(people, items=_ITEMS),
        items=_ITEMS,
        connections=4,
        entry_point=_entry_point("SubmitTransfers"),
    )
    return accepting_measure(stage, sizes, accepting)


def _entry_point(method: str) -> EntryPoint:
    return EntryPoint(run=grpc_run, expected_status=OK, grpc_method=f"{interfaces.GRPC_SERVICE}/{method}")


def _round(
    stage: Stage, port: int, requests: Sequence[bytes], seconds: float, rate_per_s: float | None = None
) -> tuple[Answers, Cpu]:
    """The answers, and the processor time of each."""
    tables_rest()
    before = _posted()
    meter = stage.meter(left_out=backend_pid())
    answers = load_send(
        Load(
            port=port,
            requests=requests,
            expected_status=OK,
            connections=CONNECTIONS,
            seconds=seconds,
            rate_per_s=rate_per_s,
            grpc_method=f"{interfaces.GRPC_SERVICE}/Transfer",
        ),
        at_start=meter.start,
    )
    used = meter.stop(load_ms=answers.cpu_ms)
    posted = _posted() - before
    if posted != len(answers.latencies_ms):
        raise RuntimeError(f"{len(answers.latencies_ms)} transfers were answered, {posted} are posted")
    return answers, used.per(posted)


def _posted() -> int:
    return Transaction.objects.filter(status=Status.POSTED).count()
