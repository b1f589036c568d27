"""gRPC requests as the load generator keeps them, made before the clock runs."""

import random
from collections.abc import Callable
from typing import Any

from bench.client_grpc import grpc_request
from bench.requests import Senders
from wallet_proto.v1 import wallet_pb2


def single_requests(people: Senders, message: str, *, count: int = 20_000, seed: int = 6) -> list[bytes]:
    """Single transfers between random people, like `transfer_requests`. `message` is the request's type."""
    chance, make = random.Random(seed), _messages(message)
    requests = []
    for _ in range(count):
        source, destination = people.pair(chance)
        body = make(**_transfer(people, source, destination)).SerializeToString()
        requests.append(grpc_request(token=people.tokens[source], message=body))
    return requests


def list_requests(people: Senders, *, items: int, count: int = 100) -> list[bytes]:
    """Lists of transfers, each list from one random person to random others, like `bulk_requests`."""
    chance, make, item = random.Random(7), _messages("SubmitTransfersRequest"), _messages("TransferItem")
    requests = []
    for _ in range(count):
        source, _ = people.pair(chance)
        others = [n for n in chance.sample(range(len(people.wallets)), items + 1) if n != source][:items]
        body = make(transfers=[item(**_transfer(people, source, other)) for other in others]).SerializeToString()
        requests.append(grpc_request(token=people.tokens[source], message=body))
    return requests


def _transfer(people: Senders, source: int, destination: int) -> dict[str, Any]:
    money = _messages("Money")(minor_units=1, currency="USD")
    return {
        "source": str(people.wallets[source].pk),
        "destination": str(people.wallets[destination].pk),
        "amount": money,
    }


def _messages(name: str) -> Callable[..., Any]:
    """A message type, made by protoc."""
    return getattr(wallet_pb2, name)  # type: ignore[no-any-return]
