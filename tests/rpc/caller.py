"""Raw calls of wallet.v1.WalletService, without retries."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status

from wallet_proto.v1 import wallet_pb2 as pb

SERVICE = "wallet.v1.WalletService"
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Everything that the status of a refused call contains."""

    status: grpc.StatusCode
    message: str
    code: str
    retryable: bool
    fields: dict[str, list[str]]
    retry_after_s: int | None
    request_id: str


@dataclass(slots=True)
class Caller:
    """Calls methods with a token, or without one."""

    channel: grpc.Channel
    token: str | None = None

    def call(self, method: str, request: Message, *, timeout_s: float | None = TIMEOUT_S, **metadata: str) -> Any:
        """The answer of a unary method. Raises grpc.RpcError."""
        answer, _ = self.call_whole(method, request, timeout_s=timeout_s, **metadata)
        return answer

    def call_whole(
        self, method: str, request: Message | bytes, *, timeout_s: float | None = TIMEOUT_S, **metadata: str
    ) -> tuple[Any, dict[str, Any]]:
        """The answer and its trailing metadata."""
        body, call = self._stub(method).with_call(request, timeout=timeout_s, metadata=self._metadata(metadata))
        return body, dict(call.trailing_metadata())

    def begin(self, method: str, request: Message, *, timeout_s: float = TIMEOUT_S) -> Any:
        """Starts a call. Returns its future."""
        return self._stub(method).future(request, timeout=timeout_s, metadata=self._metadata({}))

    def watch(self, wallet_id: str, *, timeout_s: float | None = TIMEOUT_S) -> "Watch":
        stub = self.channel.unary_stream(
            f"/{SERVICE}/WatchWallet",
            request_serializer=_bytes,
            response_deserializer=pb.WatchWalletResponse.FromString,
        )
        request = pb.WatchWalletRequest(wallet_id=wallet_id)
        return Watch(stub(request, timeout=timeout_s, metadata=self._metadata({})))

    def refused(self, method: str, request: Message | bytes, **options: Any) -> Refusal:
        """The refusal of the call. Raises AssertionError if it is not refused."""
        try:
            answer, _ = self.call_whole(method, request, **options)
        except grpc.RpcError as error:
            return refusal_of(error)
        raise AssertionError(f"{method} was not refused: {answer}")

    def _stub(self, method: str) -> Any:
        answer = pb.DESCRIPTOR.services_by_name["WalletService"].methods_by_name[method].output_type
        return self.channel.unary_unary(
            f"/{SERVICE}/{method}", request_serializer=_bytes, response_deserializer=_class(answer.name).FromString
        )

    def _metadata(self, more: dict[str, str]) -> tuple[tuple[str, str], ...]:
        named = tuple((name.replace("_", "-"), value) for name, value in more.items())
        return (("authorization", f"Bearer {self.token}"), *named) if self.token is not None else named


class Watch:
    """A call of WatchWallet, and its answers one by one."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self._answers = cast("Iterator[pb.WatchWalletResponse]", iter(call))

    def next(self) -> pb.Wallet:
        return next(self._answers).wallet

    def refusal(self) -> Refusal:
        """The refusal with which the server ends the call."""
        try:
            answer = next(self._answers)
        except grpc.RpcError as error:
            return refusal_of(error)
        raise AssertionError(f"The watch did not end: {answer}")


def refusal_of(error: grpc.RpcError) -> Refusal:
    call = cast("grpc.Call", error)
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    status = rpc_status.from_call(call)
    for detail in status.details if status is not None else ():
        for kind in (info, bad, retry):
            if detail.Is(kind.DESCRIPTOR):
                detail.Unpack(kind)
    fields: dict[str, list[str]] = {}
    for violation in bad.field_violations:
        fields.setdefault(violation.field, []).append(violation.description)
    trailing = dict(call.trailing_metadata() or ())
    return Refusal(
        status=call.code(),
        message=call.details() or "",
        code=info.reason,
        retryable=info.metadata.get("retryable") == "true",
        fields=fields,
        retry_after_s=retry.retry_delay.seconds or None,
        request_id=str(trailing.get("x-request-id", "")),
    )


def _bytes(request: Message | bytes) -> bytes:
    return request if isinstance(request, bytes) else request.SerializeToString()


def _class(name: str) -> type[Message]:
    return cast("type[Message]", getattr(pb, name))
