"""Turns refusals and failures into gRPC statuses with the details of google.rpc."""

import logging
from collections.abc import Mapping

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from kit.db.errors import database_gave_up
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.auth.wallet_service.assertions import ClockSkewError
from wallets.domain.errors import RETRY_AFTER_S, ErrorCode, WalletError
from wallets.domain.mandates import ScopeError

logger = logging.getLogger(__name__)

#: The domain of ErrorInfo: its reasons are this catalogue's codes.
DOMAIN = "wallet"

#: The only table from error codes to gRPC statuses. A test checks that it is complete. The codes about HTTP do not
#: occur over gRPC.
STATUS: Mapping[ErrorCode, grpc.StatusCode] = {
    ErrorCode.MALFORMED: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.NOT_AUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    ErrorCode.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
    ErrorCode.CSRF_FAILED: grpc.StatusCode.PERMISSION_DENIED,
    ErrorCode.INSUFFICIENT_SCOPE: grpc.StatusCode.PERMISSION_DENIED,
    ErrorCode.STEP_UP_REQUIRED: grpc.StatusCode.PERMISSION_DENIED,
    ErrorCode.FUNDING_CLOSED: grpc.StatusCode.PERMISSION_DENIED,
    ErrorCode.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    ErrorCode.METHOD_NOT_ALLOWED: grpc.StatusCode.UNIMPLEMENTED,
    ErrorCode.NOT_ACCEPTABLE: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.WALLET_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    # ABORTED: gRPC defines it for operations that the client may retry as a whole.
    ErrorCode.IDEMPOTENCY_IN_PROGRESS: grpc.StatusCode.ABORTED,
    ErrorCode.PAYLOAD_TOO_LARGE: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: grpc.StatusCode.INVALID_ARGUMENT,
    # FAILED_PRECONDITION: the stored state forbids it. A retry is useless until that state changes.
    ErrorCode.IDEMPOTENCY_KEY_REUSED: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.PAYOUT_RETURNED: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.RECIPIENT_NOT_FOUND: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.SAME_WALLET: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.TOKEN_CEILING_EXCEEDED: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.CURRENCY_MISMATCH: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.WALLET_CLOSED: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.WALLET_FROZEN: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.SPENDING_LIMIT_EXCEEDED: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.INSUFFICIENT_FUNDS: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.RECIPIENT_CANNOT_RECEIVE: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.BALANCE_LIMIT_EXCEEDED: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.SETTLEMENT_FAILED: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorCode.INTERNAL_ERROR: grpc.StatusCode.INTERNAL,
    ErrorCode.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}


def error_of(exc: BaseException) -> WalletError:
    """The catalogue's error for an exception. An unexpected exception is logged; the client learns only
    INTERNAL_ERROR."""
    if isinstance(exc, WalletError):
        return exc
    if database_gave_up(exc):
        logger.error("The database failed.", exc_info=exc)
        return WalletError(ErrorCode.UNAVAILABLE)
    logger.error("A gRPC method failed.", exc_info=exc)
    return WalletError(ErrorCode.INTERNAL_ERROR)


def error_status(error: WalletError, *, code: grpc.StatusCode | None = None) -> Status:
    """The gRPC status of an error, with machine-readable details. `code` overrides the table's status code."""
    number, _ = (code or STATUS[error.code]).value
    status = Status(code=number, message=error.detail)
    status.details.extend(_packed(detail) for detail in _details(error))
    return status


def error_message(error: WalletError) -> pb.Error:
    """The error of one item of a bulk request."""
    return pb.Error(
        code=error.code,
        detail=error.detail,
        retryable=error.retryable,
        field_violations=[
            pb.FieldViolation(field=field, description=message)
            for field, messages in error.fields.items()
            for message in messages
        ],
    )


def _details(error: WalletError) -> list[Message]:
    info = ErrorInfo(reason=error.code, domain=DOMAIN, metadata={"retryable": str(error.retryable).lower()})
    if isinstance(error, ClockSkewError):
        # Only a process that has our key can cause this error, and it needs to know by how much its clock is off.
        info.metadata["clock_skew_ms"] = str(error.skew_ms)
    if isinstance(error, ScopeError):
        info.metadata["scope"] = error.scope
    details: list[Message] = [info]
    if error.fields:
        violations = [
            BadRequest.FieldViolation(field=field, description=message)
            for field, messages in error.fields.items()
            for message in messages
        ]
        details.append(BadRequest(field_violations=violations))
    retry_after_s = error.retry_after_s or (RETRY_AFTER_S if error.code == ErrorCode.UNAVAILABLE else None)
    if retry_after_s:
        details.append(RetryInfo(retry_delay=Duration(seconds=retry_after_s)))
    return details


def _packed(detail: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed
