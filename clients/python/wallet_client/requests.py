"""Making request messages, and reading receipts from answers."""

from datetime import datetime
from typing import Literal, TypeVar

from wallet_client.errors import WalletError, error_of_item
from wallet_client.types import Money, NewTransfer, Receipt, Transaction, key_make
from wallet_proto.v1 import wallet_pb2 as pb

Kind = Literal["deposit", "withdrawal", "transfer"]
Direction = Literal["in", "out"]
#: The messages of deposits and withdrawals, and those of transfers.
M = TypeVar("M", pb.DepositRequest, pb.WithdrawRequest)
T = TypeVar("T", pb.TransferRequest, pb.SubmitTransferRequest, pb.TransferItem)

_KINDS = {
    "deposit": pb.TRANSACTION_KIND_DEPOSIT,
    "withdrawal": pb.TRANSACTION_KIND_WITHDRAWAL,
    "transfer": pb.TRANSACTION_KIND_TRANSFER,
}
_DIRECTIONS = {"in": pb.DIRECTION_IN, "out": pb.DIRECTION_OUT}


def money_message(amount: Money) -> pb.Money:
    return pb.Money(minor_units=amount.minor_units, currency=amount.currency)


def movement_message(message: type[M], *, wallet_id: str, amount: Money, memo: str, idempotency_key: str | None) -> M:
    """A deposit or withdrawal request. Without an idempotency key it gets a new one."""
    return message(
        wallet_id=wallet_id,
        amount=money_message(amount),
        memo=memo,
        idempotency_key=key_make() if idempotency_key is None else idempotency_key,
    )


def transfer_message(message: type[T], transfer: NewTransfer) -> T:
    """A transfer, as the message of one of the methods that take it. Raises WalletError as `recipient_check` does."""
    recipient_check(transfer)
    return message(
        source=transfer.source,
        recipient=transfer.recipient,
        destination=transfer.destination,
        amount=money_message(transfer.amount),
        memo=transfer.memo,
        idempotency_key=transfer.idempotency_key,
    )


def entries_request(
    *,
    wallet_id: str,
    cursor: str | None,
    limit: int,
    kind: Kind | None,
    direction: Direction | None,
    since: datetime | None,
    until: datetime | None,
) -> pb.ListEntriesRequest:
    request = pb.ListEntriesRequest(
        wallet_id=wallet_id,
        cursor=cursor,
        limit=limit,
        kind=_KINDS[kind] if kind else None,
        direction=_DIRECTIONS[direction] if direction else None,
    )
    if since is not None:
        request.since.FromDatetime(since)
    if until is not None:
        request.until.FromDatetime(until)
    return request


def receipt_of(
    answer: pb.DepositResponse
    | pb.WithdrawResponse
    | pb.TransferResponse
    | pb.SubmitTransferResponse
    | pb.TransferResult,
) -> Receipt:
    return Receipt(transaction=Transaction.from_message(answer.transaction), replayed=answer.replayed)


def result_of(result: pb.TransferResult) -> Receipt | WalletError:
    """The answer to one item of a list."""
    return error_of_item(result.error) if result.WhichOneof("outcome") == "error" else receipt_of(result)


def recipient_check(transfer: NewTransfer) -> None:
    """Raises WalletError if the transfer has both a recipient and a destination, or neither.

    The message can hold only one of them: it would drop the other one silently.
    """
    if (transfer.recipient is None) != (transfer.destination is None):
        return
    detail = "Give either a destination or a recipient."
    raise WalletError("malformed", detail, fields={"destination": [detail], "recipient": [detail]})
