"""REST's error tables: the HTTP status of each code, and the code of each exception that the frameworks raise."""

import logging
import math
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, JsonResponse, UnreadablePostError
from rest_framework import exceptions

from kit.db.errors import database_gave_up
from kit.http.parsers import PayloadTooLarge
from kit.http.problems import Problem, problem_response
from wallets.domain.errors import RETRY_AFTER_S, ErrorCode, WalletError
from wallets.domain.mandates import ScopeError

logger = logging.getLogger(__name__)

#: The HTTP status of every code. A test checks that none is missing.
STATUS: Mapping[ErrorCode, int] = {
    ErrorCode.MALFORMED: 400,
    ErrorCode.NOT_AUTHENTICATED: 401,
    ErrorCode.PERMISSION_DENIED: 403,
    ErrorCode.CSRF_FAILED: 403,
    ErrorCode.INSUFFICIENT_SCOPE: 403,
    ErrorCode.STEP_UP_REQUIRED: 403,
    ErrorCode.FUNDING_CLOSED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.NOT_ACCEPTABLE: 406,
    ErrorCode.WALLET_EXISTS: 409,
    ErrorCode.PAYOUT_RETURNED: 409,
    ErrorCode.IDEMPOTENCY_IN_PROGRESS: 409,
    ErrorCode.PAYLOAD_TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.IDEMPOTENCY_KEY_REUSED: 422,
    ErrorCode.RECIPIENT_NOT_FOUND: 422,
    ErrorCode.SAME_WALLET: 422,
    ErrorCode.TOKEN_CEILING_EXCEEDED: 422,
    ErrorCode.CURRENCY_MISMATCH: 422,
    ErrorCode.WALLET_CLOSED: 422,
    ErrorCode.WALLET_FROZEN: 422,
    ErrorCode.SPENDING_LIMIT_EXCEEDED: 422,
    ErrorCode.INSUFFICIENT_FUNDS: 422,
    ErrorCode.RECIPIENT_CANNOT_RECEIVE: 422,
    ErrorCode.BALANCE_LIMIT_EXCEEDED: 422,
    ErrorCode.SETTLEMENT_FAILED: 422,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.INTERNAL_ERROR: 500,
    ErrorCode.UNAVAILABLE: 503,
}

#: The codes of the exceptions that Django and DRF raise. The first match counts.
_MEANINGS: tuple[tuple[type[Exception], ErrorCode], ...] = (
    (exceptions.NotAuthenticated, ErrorCode.NOT_AUTHENTICATED),
    (exceptions.AuthenticationFailed, ErrorCode.NOT_AUTHENTICATED),
    (exceptions.PermissionDenied, ErrorCode.PERMISSION_DENIED),
    (PermissionDenied, ErrorCode.PERMISSION_DENIED),
    (exceptions.NotFound, ErrorCode.NOT_FOUND),
    (Http404, ErrorCode.NOT_FOUND),
    (exceptions.MethodNotAllowed, ErrorCode.METHOD_NOT_ALLOWED),
    (exceptions.NotAcceptable, ErrorCode.NOT_ACCEPTABLE),
    (exceptions.UnsupportedMediaType, ErrorCode.UNSUPPORTED_MEDIA_TYPE),
    (exceptions.ParseError, ErrorCode.MALFORMED),
    (PayloadTooLarge, ErrorCode.PAYLOAD_TOO_LARGE),
    (RequestDataTooBig, ErrorCode.PAYLOAD_TOO_LARGE),
    (SuspiciousOperation, ErrorCode.MALFORMED),
    (BadRequest, ErrorCode.MALFORMED),
    (UnreadablePostError, ErrorCode.MALFORMED),
)


def problem_type(code: ErrorCode) -> str:
    """The URI reference that identifies a kind of problem. It links to its line in the list of errors."""
    return f"{settings.SCRIPT_NAME}/api/errors#{code}"


def problem_of(error: WalletError) -> Problem:
    """The problem document for an error of the catalogue."""
    return Problem(
        type=problem_type(error.code),
        title=error.title,
        status=STATUS[error.code],
        detail=error.detail,
        code=error.code,
        retryable=error.retryable,
        errors=error.fields,
        retry_after_s=error.retry_after_s or (RETRY_AFTER_S if error.code == ErrorCode.UNAVAILABLE else None),
    )


def problem_body(error: WalletError) -> dict[str, Any]:
    """The members of the problem document, for answers that contain one per item."""
    return problem_of(error).body()


def error_response(error: WalletError) -> JsonResponse:
    """The answer to a request that failed with this error."""
    response = problem_response(problem_of(error))
    if isinstance(error, ScopeError):
        # RFC 6750, section 3.1.
        response["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{error.scope}"'
    return response


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> JsonResponse:  # noqa: ARG001 - DRF passes both
    """DRF calls this for every exception that leaves a view."""
    return error_response(error_of(exc))


def error_of(exc: BaseException) -> WalletError:
    """The error of the catalogue for an exception. Unexpected exceptions are logged, and the client learns no
    details."""
    if isinstance(exc, WalletError):
        return exc
    if isinstance(exc, exceptions.ValidationError):
        return _malformed(exc)
    if isinstance(exc, exceptions.Throttled):
        wait_s = max(1, math.ceil(getattr(exc, "wait", None) or 0))
        return WalletError(ErrorCode.RATE_LIMITED, f"Too many requests. Try again in {wait_s} s.", retry_after_s=wait_s)
    if database_gave_up(exc):
        logger.error("The database failed.", exc_info=exc)
        return WalletError(ErrorCode.UNAVAILABLE)
    for kind, code in _MEANINGS:
        if isinstance(exc, kind):
            return WalletError(code, _detail(exc))
    logger.error("An API view failed.", exc_info=exc)
    return WalletError(ErrorCode.INTERNAL_ERROR)


def _malformed(exc: exceptions.ValidationError) -> WalletError:
    """MALFORMED with the messages of each field. The serializers are flat: each field has a list of messages."""
    assert isinstance(exc.detail, dict)  # noqa: S101 - StrictSerializer raises nothing else
    fields = {str(field): [str(message) for message in messages] for field, messages in exc.detail.items()}
    return WalletError(ErrorCode.MALFORMED, f"These fields are invalid: {', '.join(fields)}.", fields=fields)


def _detail(exc: BaseException) -> str:
    """The message of a DRF exception. Django's own exceptions have messages about its internals, which are not
    shown."""
    return str(exc.detail) if isinstance(exc, exceptions.APIException) else ""
