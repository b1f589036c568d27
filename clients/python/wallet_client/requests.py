"""Requests as messages, and receipts out of their answers."""

from datetime import datetime
from typing import Literal

from wallet.v1 import wallet_pb2 as pb
from wallet_client.errors import WalletError, error_of_item
from wallet_client.types import Money, NewTransfer, Receipt, transaction_of

Kind = Literal["deposit", "withdrawal", "transfer"]
Direction = Literal["in", "out"]

_KINDS = {
    "deposit": pb.TRANSACTION_KIND_DEPOSIT,
    "withdrawal": pb.TRANSACTION_KIND_WITHDRAWAL,
    "transfer": pb.TRANSACTION_KIND_TRANSFER,
}
_DIRECTIONS = {"in": pb.DIRECTION_IN, "out": pb.DIRECTION_OUT}


def money_message(amount: Money) -> pb.Money:
    return pb.Money(minor_units=amount.minor_units, currency=amount.currency)


def transfer_request(transfer: NewTransfer) -> pb.TransferRequest:
    to_check(transfer)
    return pb.TransferRequest(
        source=transfer.source,
        recipient=transfer.recipient,
        destination=transfer.destination,
        amount=money_message(transfer.amount),
        memo=transfer.memo,
        idempotency_key=transfer.idempotency_key,
    )


def submit_request(transfer: NewTransfer) -> pb.SubmitTransferRequest:
    to_check(transfer)
    return pb.SubmitTransferRequest(
        source=transfer.source,
        recipient=transfer.recipient,
        destination=transfer.destination,
        amount=money_message(transfer.amount),
        memo=transfer.memo,
        idempotency_key=transfer.idempotency_key,
    )


def item_message(transfer: NewTransfer) -> pb.TransferItem:
    to_check(transfer)
    return pb.TransferItem(
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
    return Receipt(transaction=transaction_of(answer.transaction), replayed=answer.replayed)


def result_of(result: pb.TransferResult) -> Receipt | WalletError:
    """What became of one item of many."""
    return error_of_item(result.error) if result.WhichOneof("outcome") == "error" else receipt_of(result)


def to_check(transfer: NewTransfer) -> None:
    """Of two, the message would keep one, and say nothing. Raises WalletError."""
    if (transfer.recipient is None) != (transfer.destination is None):
        return
    detail = "Give either a destination or a recipient."
    raise WalletError("malformed", detail, fields={"destination": [detail], "recipient": [detail]})
