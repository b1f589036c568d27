"""Calls of wallet.v1.WalletService, recorded with their metadata and the details of a refusal."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status

from tests.frozen.bodies import json_text, request_text
from tests.frozen.protos import SERVICE, Contract
from tests.frozen.wire import Log

TIMEOUT_S = 30.0
DETAILS = "grpc-status-details-bin"
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls, with a token or without. The first argument of a call is the title of the exchange; without
    one nothing is recorded."""

    channel: grpc.Channel
    contract: Contract
    log: Log
    token: str = ""

    def signed(self, token: str) -> "Caller":
        return replace(self, token=token)

    def call(
        self, title: str | None, method: str, request: Fields | bytes, *, timeout_s: float = TIMEOUT_S, **metadata: str
    ) -> dict[str, Any]:
        """The answer's fields; of a refusal its `code`."""
        given = self.metadata(metadata)
        sent = request if isinstance(request, bytes) else self.packed(method, request)
        stub: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(f"/{SERVICE}/{method}")
        call: grpc.Call
        try:
            raw, call = stub.with_call(sent, timeout=timeout_s, metadata=given)
        except grpc.RpcError as error:
            call = cast("grpc.Call", error)
            body = {"code": call.code().name}
        else:
            body = fields_of(self.contract.answer(method).FromString(raw))
        if title is not None:
            first = [f"{SERVICE}/{method}", *given_text(given, self.log), "", _shown(request, self.log)]
            self.log.area.add(title, [*first, *self._answered(title, call, body)])
        return body

    def _answered(self, title: str, call: grpc.Call, body: dict[str, Any]) -> list[str]:
        if call.code() is not grpc.StatusCode.OK:
            return refusal_lines(call, self.log, title)
        return [f"--- {call.code().name}", *metadata_text(call, self.log), "", self.text(title, body)]

    def metadata(self, more: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        token = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return tuple((token | named).items())

    def packed(self, method: str, request: Fields) -> bytes:
        return ParseDict(dict(request), self.contract.request(method)()).SerializeToString()

    def text(self, title: str, body: object) -> str:
        return json_text(body, self.log.names, lambda where, said: self.log.area.tell(title, where, said))


def fields_of(message: Message) -> dict[str, Any]:
    """The message's fields by their names in the contract, those with default values too."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def given_text(metadata: Sequence[tuple[str, str]], log: Log) -> list[str]:
    return sorted(f"{name}: {log.names.text(value)}" for name, value in metadata)


def metadata_text(call: grpc.Call, log: Log) -> list[str]:
    """What came with the answer, before it and after it; the details of a refusal have lines of their own."""
    before = [(f"initial {name}", value) for name, value in call.initial_metadata() or ()]
    after = [(f"trailing {name}", value) for name, value in call.trailing_metadata() or ()]
    return sorted(
        f"{name}: {'<request-id>' if log.names.text(str(value)).startswith('<uuid') else log.names.text(str(value))}"
        for name, value in [*before, *after]
        if not name.endswith(DETAILS)
    )


def refusal_lines(call: grpc.Call, log: Log, title: str) -> list[str]:
    if call.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        # Client and server watch the deadline; what the server adds depends on who notices first.
        return [f"--- {call.code().name}"]
    if call.details():
        log.area.tell(title, "details", log.names.prose(call.details() or ""))
    return [f"--- {call.code().name}", *metadata_text(call, log), *_details(call, log, title)]


def _details(call: grpc.Call, log: Log, title: str) -> list[str]:
    status = rpc_status.from_call(call)
    return [_detail(one, log, title) for one in status.details] if status is not None else []


def _detail(packed: Any, log: Log, title: str) -> str:
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    if packed.Unpack(info):
        return f"ErrorInfo reason={info.reason} domain={info.domain} metadata={json.dumps(dict(info.metadata))}"
    if packed.Unpack(bad):
        for violation in bad.field_violations:
            log.area.tell(title, violation.field, log.names.prose(violation.description))
        return f"BadRequest {', '.join(violation.field for violation in bad.field_violations)}"
    if packed.Unpack(retry):
        return f"RetryInfo {'<seconds>' if retry.retry_delay.seconds else 'none'}"
    return str(packed.TypeName())


def _shown(request: Fields | bytes, log: Log) -> str:
    return f"<{len(request)} bytes>" if isinstance(request, bytes) else request_text(request, log.names)
