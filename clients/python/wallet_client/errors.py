"""Refusals and faults, as exceptions with a code."""

from collections.abc import Mapping, Sequence
from typing import cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from wallet_proto.v1 import wallet_pb2 as pb

_DETAILS_KEY = "grpc-status-details-bin"
_REQUEST_ID_KEY = "x-request-id"

#: A server that stops in the middle of a call leaves CANCELLED behind. Calls that the client cancelled are not retried.
_NO_ANSWER = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


class WalletError(Exception):
    """A call that was refused, or that failed.

    - `code` is stable: a code of the wallet, such as "insufficient_funds", or the lower-case name of the gRPC status if
      the wallet did not answer, such as "unavailable" or "deadline_exceeded".
    - `retryable`: the same request may succeed later.
    - `fields`: for a malformed request, the messages about each field.
    - `retry_after_s`: how many seconds the server asks the client to wait.
    - `request_id`: the call's id in the server's logs.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retryable: bool = False,
        fields: Mapping[str, Sequence[str]] | None = None,
        retry_after_s: float | None = None,
        request_id: str = "",
        status: grpc.StatusCode | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retryable = retryable
        self.fields = {field: list(messages) for field, messages in (fields or {}).items()}
        self.retry_after_s = retry_after_s
        self.request_id = request_id
        self.status = status

    @property
    def is_worth_repeating(self) -> bool:
        """Whether the client should retry: there was no answer, or the server asks to retry later."""
        return self.status in _NO_ANSWER or (self.retryable and self.retry_after_s is not None)


def error_of_call(error: grpc.RpcError) -> WalletError:
    """The WalletError of a failed call."""
    call = cast("grpc.Call", error)
    trailing = dict(call.trailing_metadata() or ())
    status = call.code()
    info, malformed, retry = ErrorInfo(), BadRequest(), RetryInfo()
    _details_read(trailing.get(_DETAILS_KEY, b""), (info, malformed, retry))
    return WalletError(
        info.reason or status.name.lower(),
        call.details() or "",
        retryable=info.metadata["retryable"] == "true" if info.reason else status == grpc.StatusCode.UNAVAILABLE,
        fields=_fields([(one.field, one.description) for one in malformed.field_violations]),
        retry_after_s=retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None,
        request_id=str(trailing.get(_REQUEST_ID_KEY, "")),
        status=status,
    )


def error_of_item(error: pb.Error) -> WalletError:
    """The WalletError of a refused item of a list."""
    fields = _fields([(one.field, one.description) for one in error.field_violations])
    return WalletError(error.code, error.detail, retryable=error.retryable, fields=fields)


def _details_read(packed: str | bytes, details: Sequence[Message]) -> None:
    """Fills the details that the packed status contains; none if a proxy sent something that is not a status."""
    try:
        status = Status.FromString(packed if isinstance(packed, bytes) else b"")
    except DecodeError:
        return
    for one in status.details:
        for detail in details:
            if one.Is(detail.DESCRIPTOR):
                one.Unpack(detail)


def _fields(violations: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for field, description in violations:
        fields.setdefault(field, []).append(description)
    return fields
