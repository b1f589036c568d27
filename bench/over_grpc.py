"""The wallet over gRPC: `manage.py serve_grpc`, one process, with the same people and connections as over HTTP."""

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bench.accepting import Accepting, Admission, accepting_measure
from bench.client import Answers, Load, load_send
from bench.client_grpc import OK, grpc_request
from bench.http_v1 import LOAD_SHARE
from bench.measure import Figure, median, percentiles_ms
from bench.people import People
from bench.requests import CONNECTIONS
from bench.settle import tables_rest
from bench.sizes import Sizes
from bench.stage import Stage, port_await, port_free, process_run
from transactions.models import Status, Transaction
from wallet_proto.v1 import wallet_pb2

_SERVICE = "/wallet.v1.WalletService"
_ITEMS = 1_000
_WARM_UP_S = 2.0


def grpc_transfer(stage: Stage, people: People, sizes: Sizes) -> Figure:
    """Synchronous transfers: posted before they are answered, like v1."""
    requests = _single_requests(people, "TransferRequest")
    with _server_run(stage, {}) as port:
        _round(port, requests, _WARM_UP_S)
        per_s = median([_round(port, requests, sizes.round_s).per_s for _ in range(sizes.rounds)])
        calm = _round(port, requests, sizes.round_s, per_s * LOAD_SHARE)
    p50_ms, p99_ms = percentiles_ms(calm.latencies_ms)
    note = f"p50, p99: open loop at {per_s * LOAD_SHARE:.0f}/s"
    return Figure(scenario="gRPC, Transfer", value=per_s, p50_ms=p50_ms, p99_ms=p99_ms, note=note)


def grpc_submit(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    accepting = Accepting(
        name="gRPC, SubmitTransfer",
        requests=_single_requests(people, "SubmitTransferRequest"),
        items=1,
        connections=CONNECTIONS,
        door=_door("SubmitTransfer"),
    )
    return accepting_measure(stage, sizes, accepting)


def grpc_submit_lists(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    accepting = Accepting(
        name=f"gRPC, SubmitTransfers of {_ITEMS}",
        requests=_list_requests(people),
        items=_ITEMS,
        connections=4,
        door=_door("SubmitTransfers"),
    )
    return accepting_measure(stage, sizes, accepting)


def _door(method: str) -> Admission:
    return Admission(run=_server_run, expected_status=OK, grpc_method=f"{_SERVICE}/{method}")


@contextmanager
def _server_run(stage: Stage, environment: Mapping[str, str]) -> Iterator[int]:
    port = port_free()
    command = [sys.executable, "manage.py", "serve_grpc", "--bind", f"127.0.0.1:{port}"]
    with process_run(stage, "grpc", command, environment) as process:
        port_await(process, port, log=stage.logs / "grpc.log")
        yield port


def _round(port: int, requests: Sequence[bytes], seconds: float, rate_per_s: float | None = None) -> Answers:
    tables_rest()
    before = _posted()
    answers = load_send(
        Load(
            port=port,
            requests=requests,
            expected_status=OK,
            connections=CONNECTIONS,
            seconds=seconds,
            rate_per_s=rate_per_s,
            grpc_method=f"{_SERVICE}/Transfer",
        )
    )
    posted = _posted() - before
    if posted != len(answers.latencies_ms):
        raise RuntimeError(f"{len(answers.latencies_ms)} transfers were answered, {posted} are posted")
    return answers


def _posted() -> int:
    return Transaction.objects.filter(status=Status.POSTED).count()


def _single_requests(people: People, message: str, *, count: int = 20_000) -> list[bytes]:
    """Between random people, like `transfer_requests`."""
    chance, make = random.Random(6), _messages(message)
    requests = []
    for _ in range(count):
        source, destination = people.pair(chance)
        body = make(**_transfer(people, source, destination)).SerializeToString()
        requests.append(grpc_request(token=people.tokens[source], message=body))
    return requests


def _list_requests(people: People, *, count: int = 100) -> list[bytes]:
    """Each list from one random person to random others, like `bulk_requests`."""
    chance, make, item = random.Random(7), _messages("SubmitTransfersRequest"), _messages("TransferItem")
    requests = []
    for _ in range(count):
        source, _ = people.pair(chance)
        others = [n for n in chance.sample(range(len(people.wallets)), _ITEMS + 1) if n != source][:_ITEMS]
        body = make(transfers=[item(**_transfer(people, source, other)) for other in others]).SerializeToString()
        requests.append(grpc_request(token=people.tokens[source], message=body))
    return requests


def _transfer(people: People, source: int, destination: int) -> dict[str, Any]:
    money = _messages("Money")(minor_units=1, currency="USD")
    return {
        "source": str(people.wallets[source].pk),
        "destination": str(people.wallets[destination].pk),
        "amount": money,
    }


def _messages(name: str) -> Callable[..., Any]:
    """A class that protoc has made."""
    return getattr(wallet_pb2, name)  # type: ignore[no-any-return]
