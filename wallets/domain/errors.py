"""The closed catalogue of errors: every refusal that a user or a program can get, from any entry point.

A code is a promise to programs: it is never renamed and never gets another meaning. Each entry point has its own table
from codes to its answers (REST: an HTTP status; a page: a message at a field).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kit.errors import Refusal

#: Retry-After while a component is down, unless something better is known.
RETRY_AFTER_S = 5


class ErrorCode(StrEnum):
    """The stable codes. Those about money are in the order in which the ledger checks them."""

    MALFORMED = "malformed"
    NOT_AUTHENTICATED = "not_authenticated"
    PERMISSION_DENIED = "permission_denied"
    CSRF_FAILED = "csrf_failed"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    STEP_UP_REQUIRED = "step_up_required"
    FUNDING_CLOSED = "funding_closed"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    WALLET_EXISTS = "wallet_exists"
    PAYOUT_RETURNED = "payout_returned"
    RECIPIENT_NOT_FOUND = "recipient_not_found"
    SAME_WALLET = "same_wallet"
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    TOKEN_CEILING_EXCEEDED = "token_ceiling_exceeded"  # noqa: S105 - no password
    CURRENCY_MISMATCH = "currency_mismatch"
    WALLET_CLOSED = "wallet_closed"
    WALLET_FROZEN = "wallet_frozen"
    SPENDING_LIMIT_EXCEEDED = "spending_limit_exceeded"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    RECIPIENT_CANNOT_RECEIVE = "recipient_cannot_receive"
    BALANCE_LIMIT_EXCEEDED = "balance_limit_exceeded"
    SETTLEMENT_FAILED = "settlement_failed"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means: a short title, and whether repeating the same request may succeed."""

    title: str
    retryable: bool = False


CATALOGUE: Mapping[ErrorCode, Meaning] = {
    ErrorCode.MALFORMED: Meaning("The request is malformed."),
    ErrorCode.NOT_AUTHENTICATED: Meaning("Authentication is required."),
    ErrorCode.PERMISSION_DENIED: Meaning("You are not allowed to do this."),
    ErrorCode.CSRF_FAILED: Meaning("The CSRF check failed."),
    ErrorCode.INSUFFICIENT_SCOPE: Meaning("This token may not do this."),
    ErrorCode.STEP_UP_REQUIRED: Meaning("Confirm that it is you, then try again."),
    ErrorCode.FUNDING_CLOSED: Meaning("Users cannot deposit money here themselves."),
    ErrorCode.NOT_FOUND: Meaning("The resource was not found."),
    ErrorCode.METHOD_NOT_ALLOWED: Meaning("This URL does not support that method."),
    ErrorCode.NOT_ACCEPTABLE: Meaning("The response is not available in a format that you accept."),
    ErrorCode.PAYLOAD_TOO_LARGE: Meaning("The request body is too large."),
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: Meaning("The request body must be JSON."),
    ErrorCode.WALLET_EXISTS: Meaning("You already have a wallet in this currency."),
    ErrorCode.PAYOUT_RETURNED: Meaning("The money of this withdrawal went back to its wallet."),
    ErrorCode.RECIPIENT_NOT_FOUND: Meaning("The recipient was not found."),
    ErrorCode.SAME_WALLET: Meaning("The source and the destination are the same wallet."),
    ErrorCode.IDEMPOTENCY_IN_PROGRESS: Meaning("A request with this idempotency key is in progress.", retryable=True),
    ErrorCode.IDEMPOTENCY_KEY_REUSED: Meaning("This idempotency key was used for a different request."),
    ErrorCode.TOKEN_CEILING_EXCEEDED: Meaning("The payment exceeds a ceiling of this token."),
    ErrorCode.CURRENCY_MISMATCH: Meaning("The currencies do not match."),
    ErrorCode.WALLET_CLOSED: Meaning("The wallet is closed."),
    ErrorCode.WALLET_FROZEN: Meaning("The wallet is frozen."),
    ErrorCode.SPENDING_LIMIT_EXCEEDED: Meaning("This would exceed your spending limit."),
    ErrorCode.INSUFFICIENT_FUNDS: Meaning("The wallet does not hold enough money."),
    ErrorCode.RECIPIENT_CANNOT_RECEIVE: Meaning("The recipient cannot receive this transfer."),
    ErrorCode.BALANCE_LIMIT_EXCEEDED: Meaning("The balance would exceed the maximum."),
    ErrorCode.SETTLEMENT_FAILED: Meaning("The transfer could not be settled."),
    ErrorCode.RATE_LIMITED: Meaning("Too many requests.", retryable=True),
    ErrorCode.UNAVAILABLE: Meaning("The service is temporarily unavailable.", retryable=True),
    ErrorCode.INTERNAL_ERROR: Meaning("Something went wrong on our side.", retryable=True),
}


class WalletError(Refusal):
    """A refusal from the catalogue.

    `detail` says what happened in this case, in one sentence for a user. For malformed input, `fields` maps each
    invalid field to its messages. `retry_after_s` is set if waiting helps.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str = "",
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(detail or CATALOGUE[code].title)
        self.code = code
        self.detail = detail or CATALOGUE[code].title
        self.fields = dict(fields or {})
        self.retry_after_s = retry_after_s

    @property
    def title(self) -> str:
        return CATALOGUE[self.code].title

    @property
    def retryable(self) -> bool:
        return CATALOGUE[self.code].retryable
