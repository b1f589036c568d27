"""Every way to send a transfer (REST, gRPC, bulk), behind one interface."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc

from tests.api.client import Api, api_client, json_of
from tests.rpc.caller import Caller, Refusal, refusal_of
from transactions.settlement.partitions import partition_of
from transactions.settlement.settle import partition_settle
from wallet_proto.v1 import wallet_pb2 as pb

_SETTLE_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A transfer request. Fields that are None are left out of it."""

    source: str | None = None
    destination: str | None = None
    recipient: str | None = None
    amount: int | None = None
    memo: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The final outcome: a transaction and no code, or the refusal's code and the fields that it names."""

    code: str = ""
    fields: frozenset[str] = frozenset()
    retryable: bool = False
    replayed: bool = False
    transaction: Mapping[str, Any] = field(default_factory=dict)


class Channel(Protocol):
    """One way to send a transfer. `takes_lists`: it sends a list with one item."""

    @property
    def name(self) -> str: ...
    @property
    def takes_lists(self) -> bool: ...

    def transfer(self, token: str, wish: Wish) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Rest:
    """POST /transfers of REST v1 or v2."""

    name: str
    path: str
    is_asynchronous: bool
    takes_lists: bool = False
    client: Callable[[], Any] = api_client

    def transfer(self, token: str, wish: Wish) -> Outcome:
        fields = {name: getattr(wish, name) for name in ("source", "destination", "recipient", "amount", "memo")}
        headers = {"Idempotency-Key": wish.key} if wish.key is not None else {}
        api = Api(token=token, client=self.client())
        response = api.post(self.path, {name: value for name, value in fields.items() if value is not None}, **headers)
        answer = json_of(response)
        if "code" in answer:
            return _problem(answer)
        replayed = response.get("Idempotent-Replayed") == "true"
        return (
            settled(Outcome(replayed=replayed, transaction=answer), api)
            if self.is_asynchronous
            else _posted(answer, replayed=replayed)
        )


@dataclass(frozen=True, slots=True)
class RestBulk:
    """POST /api/v2/transfers/bulk with a list of one."""

    name: str = "REST v2, bulk"
    takes_lists: bool = True
    client: Callable[[], Any] = api_client

    def transfer(self, token: str, wish: Wish) -> Outcome:
        fields = {name: getattr(wish, name) for name in ("source", "destination", "recipient", "amount", "memo")}
        item = {name: value for name, value in {**fields, "idempotency_key": wish.key}.items() if value is not None}
        api = Api(token=token, client=self.client())
        answer = json_of(api.post("/api/v2/transfers/bulk", {"transfers": [item]}))
        if "code" in answer:
            return _problem(answer)
        result = answer["results"][0]
        if result["error"]:
            return _problem(result["error"])
        return settled(Outcome(replayed=result["replayed"], transaction=result["transaction"]), api)


@dataclass(frozen=True, slots=True)
class Grpc:
    """Transfer and SubmitTransfer."""

    name: str
    method: str
    is_asynchronous: bool
    channel: grpc.Channel
    takes_lists: bool = False

    def transfer(self, token: str, wish: Wish) -> Outcome:
        request_type = {"Transfer": pb.TransferRequest, "SubmitTransfer": pb.SubmitTransferRequest}[self.method]
        try:
            answer = Caller(self.channel, token).call(self.method, request_type(**_request_fields(wish)))
        except grpc.RpcError as error:
            return _refusal(refusal_of(error))
        transaction = transaction_data(answer.transaction)
        if not self.is_asynchronous:
            return _posted(transaction, replayed=answer.replayed)
        return settled(Outcome(replayed=answer.replayed, transaction=transaction), Api(token=token))


@dataclass(frozen=True, slots=True)
class GrpcBulk:
    """SubmitTransfers with a list of one."""

    channel: grpc.Channel
    name: str = "gRPC SubmitTransfers"
    takes_lists: bool = True

    def transfer(self, token: str, wish: Wish) -> Outcome:
        request = pb.SubmitTransfersRequest(transfers=[pb.TransferItem(**_request_fields(wish))])
        try:
            result = Caller(self.channel, token).call("SubmitTransfers", request).results[0]
        except grpc.RpcError as error:
            return _refusal(refusal_of(error))
        if result.WhichOneof("outcome") == "error":
            fields = frozenset(violation.field for violation in result.error.field_violations)
            return Outcome(code=result.error.code, retryable=result.error.retryable, fields=fields)
        transaction = transaction_data(result.transaction)
        return settled(Outcome(replayed=result.replayed, transaction=transaction), Api(token=token))


def channels(channel: grpc.Channel) -> list[Channel]:
    return [
        Rest("REST v1", "/transfers", is_asynchronous=False),
        Rest("REST v2", "/api/v2/transfers", is_asynchronous=True),
        RestBulk(),
        Grpc("gRPC Transfer", "Transfer", is_asynchronous=False, channel=channel),
        Grpc("gRPC SubmitTransfer", "SubmitTransfer", is_asynchronous=True, channel=channel),
        GrpcBulk(channel),
    ]


def settled(accepted: Outcome, api: Api) -> Outcome:
    """Settles an accepted transfer, and returns its outcome."""
    source = int(accepted.transaction["source"]["wallet"])
    partition_settle(partition=partition_of(source), time_limit_s=_SETTLE_LIMIT_S)
    transaction = json_of(api.get(f"/api/v2/transfers/{accepted.transaction['id']}"))
    if transaction["status"] == "posted":
        return _posted(transaction, replayed=accepted.replayed)
    assert transaction["status"] == "failed"
    return Outcome(code=transaction["failure"]["code"], replayed=accepted.replayed)


def transaction_data(message: pb.Transaction) -> dict[str, Any]:
    """A gRPC transaction as the JSON of REST."""
    sides = {
        name: {"wallet": getattr(message, name).wallet_id, "owner": getattr(message, name).owner}
        if message.HasField(name)
        else None
        for name in ("source", "destination")
    }
    return {
        "id": message.id,
        "kind": pb.TransactionKind.Name(message.kind).removeprefix("TRANSACTION_KIND_").lower(),
        "status": pb.TransactionStatus.Name(message.status).removeprefix("TRANSACTION_STATUS_").lower(),
        "amount": message.amount.minor_units,
        "currency": message.amount.currency,
        **sides,
        "memo": message.memo,
        "created_at": message.created_at.ToJsonString(),
        "settled_at": message.settled_at.ToJsonString() if message.HasField("settled_at") else None,
        "failure": {"code": message.failure.code, "detail": message.failure.detail}
        if message.HasField("failure")
        else None,
    }


def _request_fields(wish: Wish) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "source": wish.source,
        "destination": wish.destination,
        "recipient": wish.recipient,
        "memo": wish.memo,
        "idempotency_key": wish.key,
        "amount": pb.Money(minor_units=wish.amount) if wish.amount is not None else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _posted(transaction: Mapping[str, Any], *, replayed: bool) -> Outcome:
    assert transaction["status"] == "posted"
    return Outcome(replayed=replayed, transaction=transaction)


def _problem(problem: Mapping[str, Any]) -> Outcome:
    # The idempotency key is a header in REST v1, and a field everywhere else.
    fields = frozenset(name.lower().replace("-", "_") for name in problem.get("errors", {}))
    return Outcome(code=problem["code"], retryable=problem["retryable"], fields=fields)


def _refusal(refusal: Refusal) -> Outcome:
    return Outcome(code=refusal.code, retryable=refusal.retryable, fields=frozenset(refusal.fields))
