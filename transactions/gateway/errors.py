"""Turns the wallet service's refusals back into the WalletErrors that its code raised."""

from collections.abc import Iterable

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from wallet_proto.v1 import wallet_pb2 as pb
from wallets.auth.wallet_service.assertions import ClockSkewError
from wallets.domain.errors import ErrorCode, WalletError

DOMAIN = "wallet"
_CODES = frozenset(ErrorCode)
#: The Retry-After of answers while the service is away: about as long as a restart takes.
_AWAY_RETRY_AFTER_S = 2
#: Failures of the transport: the service is away, too slow or overloaded.
_AWAY = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
}
#: Either the call or its answer was lost, so the write may have happened.
_UNKNOWN = "The wallet service did not answer: it is not known whether this was done. Look before you send it again."
#: Codes that mean a misconfigured or broken site. A client cannot do anything about them.
_SITE_FAULTS = {ErrorCode.PERMISSION_DENIED, ErrorCode.INTERNAL_ERROR}


class ServiceFailedError(RuntimeError):
    """The wallet service failed, or refused this process's credentials. Logged and answered as an internal error."""


def error_of(error: grpc.RpcError, *, path: str, is_repeatable: bool) -> Exception:
    """The exception for a failed call of the method at `path`: a WalletError or a ServiceFailedError."""
    refusal = _refusal(error)
    if refusal is not None and refusal.code not in _SITE_FAULTS:
        return refusal
    if refusal is None and is_away(error):
        return WalletError(ErrorCode.UNAVAILABLE, "" if is_repeatable else _UNKNOWN, retry_after_s=_AWAY_RETRY_AFTER_S)
    return ServiceFailedError(f"{path}: {error.code()} {error.details()}")


def is_away(error: grpc.RpcError) -> bool:
    """Whether the same call may succeed in a moment: the transport failed, or the service is stopping or overloaded."""
    if error.code() not in _AWAY:
        return False
    refusal = _refusal(error)
    return refusal is None or (refusal.code == ErrorCode.UNAVAILABLE and not isinstance(refusal, ClockSkewError))


def _refusal(error: grpc.RpcError) -> WalletError | None:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # an RpcError of a call is a grpc.Call, too
    return refusal_of(status) if status is not None else None


def refusal_of(status: Status) -> WalletError | None:
    """The catalogue's error; None if the status does not come from the service's code."""
    info, request, retry = ErrorInfo(), BadRequest(), RetryInfo()
    for detail in status.details:
        for kind in (info, request, retry):
            # Unpack does nothing if the detail is of another type.
            detail.Unpack(kind)
    if info.domain != DOMAIN or info.reason not in _CODES:
        return None
    if "clock_skew_ms" in info.metadata:
        return ClockSkewError(int(info.metadata["clock_skew_ms"]))
    return WalletError(
        ErrorCode(info.reason),
        status.message,
        fields=_fields(request.field_violations),
        retry_after_s=retry.retry_delay.seconds or None,
    )


def error_of_item(error: pb.Error) -> WalletError:
    """The error of one item of a bulk request."""
    return WalletError(ErrorCode(error.code), error.detail, fields=_fields(error.field_violations))


def _fields(violations: Iterable[BadRequest.FieldViolation | pb.FieldViolation]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for violation in violations:
        fields.setdefault(violation.field, []).append(violation.description)
    return fields
