"""Parses requests into the arguments of services and selectors. A refusal names all invalid fields at once, in the same
words as over REST."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NoReturn, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from transactions.models import Kind
from transactions.recipients import TransferRequest
from transactions.selectors import HistoryQuery
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import id_read
from wallets.domain.limits import (
    CURSOR_LENGTH_MAX,
    HISTORY_LIMIT,
    HISTORY_LIMIT_MAX,
    MEMO_LENGTH_MAX,
    RECIPIENT_LENGTH_MAX,
    TRANSFERS_MAX,
    idempotency_key_fits,
)
from wallets.domain.money import AMOUNT_MAX, AMOUNT_MIN
from wallets.domain.text import text_storable

T = TypeVar("T")
V = TypeVar("V")
#: The messages of deposits and withdrawals, and those of transfers.
Movement = pb.DepositRequest | pb.WithdrawRequest
Transfer = pb.TransferRequest | pb.SubmitTransferRequest | pb.TransferItem

_CURRENCY_LENGTH = 3
_REQUIRED = "This field is required."
_KINDS = {
    pb.TRANSACTION_KIND_UNSPECIFIED: None,
    pb.TRANSACTION_KIND_DEPOSIT: Kind.DEPOSIT,
    pb.TRANSACTION_KIND_WITHDRAWAL: Kind.WITHDRAWAL,
    pb.TRANSACTION_KIND_TRANSFER: Kind.TRANSFER,
}
_DIRECTIONS = {pb.DIRECTION_UNSPECIFIED: None, pb.DIRECTION_IN: "in", pb.DIRECTION_OUT: "out"}


class _Fields:
    """Collects the errors of a request by field."""

    def __init__(self) -> None:
        self._errors: dict[str, list[str]] = {}

    def take(self, field: str, read: Callable[[], T], default: T) -> T:
        """Returns what `read` returns. If it raises ValueError, records the message for this field and returns the
        default."""
        try:
            return read()
        except ValueError as error:
            self._errors[field] = [str(error)]
            return default

    def check(self) -> None:
        """Raises MALFORMED if any field has an error."""
        if self._errors:
            _refuse(self._errors)


def wallet_id_of(wallet_id: str) -> int:
    """The id of the wallet that a request names. Raises MALFORMED."""
    fields = _Fields()
    number = fields.take("wallet_id", lambda: _id(wallet_id), 0)
    fields.check()
    return number


def movement_of(request: Movement) -> tuple[int, int, str, str | None]:
    """The wallet's id, the amount in minor units, the memo and the idempotency key. Raises MALFORMED."""
    fields = _Fields()
    wallet_id = fields.take("wallet_id", lambda: _id(request.wallet_id), 0)
    amount = fields.take("amount", lambda: _amount(request), 0)
    memo = fields.take("memo", lambda: _memo(request.memo), "")
    key = fields.take("idempotency_key", lambda: _key(request), None)
    fields.check()
    return wallet_id, amount, memo, key


def transfer_of(request: Transfer) -> TransferRequest:
    """The transfer that a request describes. Raises MALFORMED."""
    fields = _Fields()
    to = request.WhichOneof("to")
    wanted = TransferRequest(
        source_id=fields.take("source", lambda: _id(request.source), 0),
        destination_id=fields.take("destination", lambda: _id(request.destination), 0) if to == "destination" else None,
        recipient=fields.take("recipient", lambda: _recipient(request.recipient), "") if to == "recipient" else None,
        amount=fields.take("amount", lambda: _amount(request), 0),
        memo=fields.take("memo", lambda: _memo(request.memo), ""),
        idempotency_key=fields.take("idempotency_key", lambda: _key(request), None),
    )
    fields.check()
    return wanted


def transfers_count_check(count: int) -> None:
    """Raises MALFORMED for no transfers, or for more than TRANSFERS_MAX."""
    if not count:
        _refuse({"transfers": ["Give at least one transfer."]})
    if count > TRANSFERS_MAX:
        _refuse({"transfers": [f"Give at most {TRANSFERS_MAX} transfers."]})


def transaction_reference_parse(request: pb.GetTransactionRequest) -> int | str:
    """The id (int) or the idempotency key (str) of the requested transaction. Raises MALFORMED."""
    fields = _Fields()
    by = request.WhichOneof("by")
    if by is None:
        message = "Give either a transaction_id or an idempotency_key."
        _refuse({"transaction_id": [message], "idempotency_key": [message]})
    found: int | str = 0
    if by == "transaction_id":
        found = fields.take(by, lambda: _id(request.transaction_id), 0)
    else:
        found = fields.take(by, lambda: _key(request) or "", "")
    fields.check()
    return found


def history_of(request: pb.ListEntriesRequest) -> tuple[int, HistoryQuery]:
    """The wallet's id and the query on its history. Raises MALFORMED."""
    fields = _Fields()
    wallet_id = fields.take("wallet_id", lambda: _id(request.wallet_id), 0)
    query = HistoryQuery(
        limit=fields.take("limit", lambda: _limit(request.limit), HISTORY_LIMIT),
        cursor=fields.take("cursor", lambda: _text(request.cursor.strip(), length_max=CURSOR_LENGTH_MAX), "") or None,
        kind=fields.take("kind", lambda: _choice(_KINDS, request.kind), None),
        direction=fields.take("direction", lambda: _choice(_DIRECTIONS, request.direction), None),
        since=fields.take("since", lambda: _moment(request.since), None) if request.HasField("since") else None,
        until=fields.take("until", lambda: _moment(request.until), None) if request.HasField("until") else None,
    )
    fields.check()
    return wallet_id, query


def _refuse(errors: dict[str, list[str]]) -> NoReturn:
    raise WalletError(ErrorCode.MALFORMED, f"These fields are invalid: {', '.join(errors)}.", fields=errors)


def _id(text: str) -> int:
    if not text:
        raise ValueError(_REQUIRED)
    number = id_read(text)
    if number is None:
        raise ValueError("Must be an id: a string of digits.")
    return number


def _amount(request: Movement | Transfer) -> int:
    if not request.HasField("amount"):
        raise ValueError(_REQUIRED)
    if not AMOUNT_MIN <= request.amount.minor_units <= AMOUNT_MAX:
        raise ValueError(f"Must be an integer of minor units (such as cents), from {AMOUNT_MIN} to {AMOUNT_MAX}.")
    if request.amount.currency and len(request.amount.currency) != _CURRENCY_LENGTH:
        raise ValueError("Must be an ISO 4217 currency code such as USD, or empty.")
    return request.amount.minor_units


def _memo(text: str) -> str:
    return _text(text.strip(), length_max=MEMO_LENGTH_MAX)


def _recipient(text: str) -> str:
    if not text.strip():
        raise ValueError("This field may not be blank.")
    return _text(text.strip(), length_max=RECIPIENT_LENGTH_MAX)


def _text(text: str, *, length_max: int) -> str:
    if len(text) > length_max:
        raise ValueError(f"Ensure this field has no more than {length_max} characters.")
    if not text_storable(text):
        raise ValueError("Strings must not contain NUL or an unpaired surrogate.")
    return text


def _key(request: Movement | Transfer | pb.GetTransactionRequest) -> str | None:
    """None if the request has no key. An empty key is an error, not a missing key."""
    if not request.HasField("idempotency_key"):
        return None
    if not idempotency_key_fits(request.idempotency_key):
        raise ValueError("Must be 1 to 255 visible ASCII characters.")
    return request.idempotency_key


def _limit(limit: int) -> int:
    if not 0 <= limit <= HISTORY_LIMIT_MAX:
        raise ValueError(f"Must be a whole number from 1 to {HISTORY_LIMIT_MAX}.")
    return limit or HISTORY_LIMIT


def _choice(choices: Mapping[T, V], value: T) -> V:
    if value not in choices:
        raise ValueError("Must be one of the values listed in the contract.")
    return choices[value]


def _moment(moment: Timestamp) -> datetime:
    try:
        return moment.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("Must be a time between the years 1 and 9999.") from error
