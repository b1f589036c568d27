"""Builds the messages that ask the wallet service to move money, and reads its answers."""

from typing import TypeVar

from transactions.gateway.channel import WALLETS, write_call
from transactions.gateway.errors import error_of_item
from transactions.gateway.messages import transaction_from_message
from transactions.recipients import TransferRequest
from transactions.services import Receipt
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import WalletError
from wallets.domain.mandates import OWNER, Mandate
from wallets.models import User

_Request = pb.DepositRequest | pb.WithdrawRequest | pb.TransferRequest | pb.SubmitTransferRequest
_A = TypeVar("_A", pb.DepositResponse, pb.WithdrawResponse, pb.TransferResponse, pb.SubmitTransferResponse)
_T = TypeVar("_T", pb.TransferRequest, pb.SubmitTransferRequest, pb.TransferItem)


def receipt_of(method: str, request: _Request, *, answer: type[_A], actor: User, mandate: Mandate = OWNER) -> Receipt:
    """Moves money by a call of this method. If the transport fails, a request with an idempotency key is sent again.
    Raises WalletError or ServiceFailedError."""
    is_repeatable = request.HasField("idempotency_key")
    done = write_call(
        WALLETS + method, request, answer=answer, user_id=actor.pk, is_repeatable=is_repeatable, mandate=mandate
    )
    return Receipt(transaction=transaction_from_message(done.transaction), replayed=done.replayed)


def result_of(result: pb.TransferResult) -> Receipt | WalletError:
    """One result of a bulk request."""
    if result.HasField("error"):
        return error_of_item(result.error)
    return Receipt(transaction=transaction_from_message(result.transaction), replayed=result.replayed)


def transfer_filled(message: _T, request: TransferRequest) -> _T:
    """Fills a message with this transfer and returns it. Unless exactly one of destination and recipient is given, the
    message names neither, and the service refuses it."""
    message.source = str(request.source_id)
    message.amount.CopyFrom(money(request.amount))
    message.memo = request.memo
    if request.idempotency_key is not None:
        message.idempotency_key = request.idempotency_key
    if request.recipient is None and request.destination_id is not None:
        message.destination = str(request.destination_id)
    if request.recipient is not None and request.destination_id is None:
        message.recipient = request.recipient
    return message


def money(amount: int) -> pb.Money:
    """Minor units, in the currency of the wallet."""
    return pb.Money(minor_units=amount)
