"""What the wallet service refuses, made into the error that its own code raised."""

from collections.abc import Iterable

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import ErrorCode, WalletError

DOMAIN = "wallet"
_CODES = frozenset(ErrorCode)
#: Asked of a client while the service is away: about as long as one takes to be started anew.
_AWAY_RETRY_AFTER_S = 2
#: Transport: the service is away, too slow or has its hands full. Nothing of it comes from its own code.
_AWAY = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
}
#: A call may have been lost on its way there, or its answer on the way back.
_UNKNOWN = "The wallet service did not answer: it is not known whether this was done. Look before you send it again."
#: What the service never says to us unless one of the two is set up wrongly, or broken: no client of ours can help it.
_OURS = {ErrorCode.PERMISSION_DENIED, ErrorCode.INTERNAL_ERROR}


class ServiceFailedError(RuntimeError):
    """The wallet service failed, or does not know us: to be logged and answered like any failure of our own."""


def error_of(error: grpc.RpcError, *, path: str, is_repeatable: bool) -> Exception:
    """What a failed call of this method means: a WalletError, or a ServiceFailedError."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # every error of a call is a call, too
    refusal = refusal_of(status) if status is not None else None
    if refusal is not None and refusal.code not in _OURS:
        return refusal
    if refusal is None and is_away(error):
        return WalletError(ErrorCode.UNAVAILABLE, "" if is_repeatable else _UNKNOWN, retry_after_s=_AWAY_RETRY_AFTER_S)
    return ServiceFailedError(f"{path}: {error.code()} {error.details()}")


def is_away(error: grpc.RpcError) -> bool:
    """Whether the call failed on its way, and not in the service's own code."""
    return error.code() in _AWAY


def refusal_of(status: Status) -> WalletError | None:
    """The error of the catalogue; None where the status is not of the service's own making."""
    info, request, retry = ErrorInfo(), BadRequest(), RetryInfo()
    for detail in status.details:
        for kind in (info, request, retry):
            # Leaves alone what it cannot hold.
            detail.Unpack(kind)
    if info.domain != DOMAIN or info.reason not in _CODES:
        return None
    return WalletError(
        ErrorCode(info.reason),
        status.message,
        fields=_fields(request.field_violations),
        retry_after_s=retry.retry_delay.seconds or None,
    )


def error_of_item(error: pb.Error) -> WalletError:
    """The error of one transfer of many."""
    return WalletError(ErrorCode(error.code), error.detail, fields=_fields(error.field_violations))


def _fields(violations: Iterable[BadRequest.FieldViolation | pb.FieldViolation]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for violation in violations:
        fields.setdefault(violation.field, []).append(violation.description)
    return fields
