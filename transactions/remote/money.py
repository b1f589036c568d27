"""Money that the wallet service moves: the MoneyBook of a web process that has no rights on the ledger."""

import json
from collections.abc import Sequence
from typing import TypeVar

from kit.cache.ahead import Ahead
from kit.http.bodies import Body
from transactions.contract import transaction_of as transaction_of_data
from transactions.models import Transaction
from transactions.previews import Preview
from transactions.reads import HistoryPage, UnmovedTransfers, page_of
from transactions.remote.channel import INTERNAL, WALLETS, read_call, write_call
from transactions.remote.errors import error_of_item
from transactions.remote.messages import body_of, side_of, transaction_of, wallet_of
from transactions.remote.wallets import nothing_ahead
from transactions.routes import TransferRequest
from transactions.selectors import INT64_MAX, HistoryQuery
from transactions.services import Receipt
from wallet_proto.internal.v1 import internal_pb2 as internal
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User
from wallets.selectors import WalletHead


class RemoteMoneyBook:
    """Each question is a call. What the service answers as REST writes it is passed on unread."""

    @staticmethod
    def deposit_create(
        *, actor: User, wallet_id: int, amount: int, memo: str = "", idempotency_key: str | None = None
    ) -> Receipt:
        request = pb.DepositRequest(
            wallet_id=str(wallet_id), amount=_money(amount), memo=memo, idempotency_key=idempotency_key
        )
        return _receipt("Deposit", request, answer=pb.DepositResponse, actor=actor)

    @staticmethod
    def withdrawal_create(
        *, actor: User, wallet_id: int, amount: int, memo: str = "", idempotency_key: str | None = None
    ) -> Receipt:
        request = pb.WithdrawRequest(
            wallet_id=str(wallet_id), amount=_money(amount), memo=memo, idempotency_key=idempotency_key
        )
        return _receipt("Withdraw", request, answer=pb.WithdrawResponse, actor=actor)

    @staticmethod
    def transfer_create(
        *,
        actor: User,
        source_id: int,
        destination_id: int | None = None,
        recipient: str | None = None,
        amount: int,
        memo: str = "",
        idempotency_key: str | None = None,
    ) -> Receipt:
        wanted = TransferRequest(
            source_id=source_id,
            destination_id=destination_id,
            recipient=recipient,
            amount=amount,
            memo=memo,
            idempotency_key=idempotency_key,
        )
        return _receipt("Transfer", _filled(pb.TransferRequest(), wanted), answer=pb.TransferResponse, actor=actor)

    @staticmethod
    def transfer_submit(*, actor: User, request: TransferRequest) -> Receipt:
        message = _filled(pb.SubmitTransferRequest(), request)
        return _receipt("SubmitTransfer", message, answer=pb.SubmitTransferResponse, actor=actor)

    @staticmethod
    def transfers_submit(*, actor: User, requests: Sequence[TransferRequest]) -> list[Receipt | WalletError]:
        if not requests:
            return []
        answer = write_call(
            WALLETS + "SubmitTransfers",
            pb.SubmitTransfersRequest(transfers=[_filled(pb.TransferItem(), request) for request in requests]),
            answer=pb.SubmitTransfersResponse,
            user_id=actor.pk,
            is_repeatable=all(request.idempotency_key for request in requests),
        )
        return [_result(result) for result in answer.results]

    @staticmethod
    def transfer_preview(
        *,
        actor: User,
        source_id: int,
        destination_id: int | None = None,
        recipient: str = "",
        amount: int,
        memo: str = "",
    ) -> Preview:
        request = internal.PreviewTransferRequest(source=str(source_id), amount_minor_units=amount, memo=memo)
        if destination_id is None:
            request.recipient = recipient
        else:
            request.destination = str(destination_id)
        answer = read_call(
            INTERNAL + "PreviewTransfer", request, answer=internal.PreviewTransferResponse, user_id=actor.pk
        )
        source = wallet_of(answer.source, owner=actor)
        destination = side_of(answer.destination, currency=source.currency)
        return Preview(source=source, destination=destination, amount=amount, memo=memo)

    @staticmethod
    def transaction_ahead(transaction_id: int) -> Ahead:  # noqa: ARG004 - nothing of the ledger's is looked up here
        return nothing_ahead()

    @staticmethod
    def transaction_body(*, user: User, transaction_id: int, ahead: Ahead | None = None) -> Body:  # noqa: ARG004
        return body_of(_transaction(user, transaction_id).document)

    @staticmethod
    def transaction_read(*, user: User, transaction_id: int) -> Transaction:
        answer = _transaction(user, transaction_id)
        owner_ids = [
            answer.source_owner_id if answer.HasField("source_owner_id") else None,
            answer.destination_owner_id if answer.HasField("destination_owner_id") else None,
        ]
        return transaction_of_data(json.loads(body_of(answer.document).plain()), owner_ids=owner_ids)

    @staticmethod
    def transaction_list_by_key(*, user: User, idempotency_key: str) -> list[Transaction]:
        request = pb.GetTransactionRequest(idempotency_key=idempotency_key)
        try:
            answer = read_call(WALLETS + "GetTransaction", request, answer=pb.GetTransactionResponse, user_id=user.pk)
        except WalletError as error:
            if error.code != ErrorCode.NOT_FOUND:
                raise
            return []
        return [transaction_of(answer.transaction)]

    @staticmethod
    def history_ahead(wallet_id: int) -> Ahead:  # noqa: ARG004 - nothing of the ledger's is looked up here
        return nothing_ahead()

    @staticmethod
    def history_body(*, wallet: WalletHead, query: HistoryQuery, ahead: Ahead | None = None) -> Body:  # noqa: ARG004
        request = internal.ReadHistoryRequest(
            wallet_id=str(wallet.id),
            version=wallet.version,
            limit=query.limit,
            cursor=query.cursor,
            kind=query.kind,
            direction=query.direction,
            since=query.since.isoformat() if query.since else None,
            until=query.until.isoformat() if query.until else None,
        )
        answer = read_call(
            INTERNAL + "ReadHistory", request, answer=internal.ReadHistoryResponse, user_id=wallet.owner_id
        )
        return body_of(answer.document)

    @staticmethod
    def history_page(*, wallet: WalletHead, query: HistoryQuery) -> HistoryPage:
        return page_of(RemoteMoneyBook.history_body(wallet=wallet, query=query).plain())

    @staticmethod
    def unmoved_read(*, wallet: WalletHead) -> UnmovedTransfers:
        request = internal.ReadUnmovedRequest(wallet_id=str(wallet.id))
        answer = read_call(
            INTERNAL + "ReadUnmoved", request, answer=internal.ReadUnmovedResponse, user_id=wallet.owner_id
        )
        return UnmovedTransfers(**json.loads(answer.content))


#: The messages by which money moves, and their answers, which are alike.
_Request = pb.DepositRequest | pb.WithdrawRequest | pb.TransferRequest | pb.SubmitTransferRequest
_A = TypeVar("_A", pb.DepositResponse, pb.WithdrawResponse, pb.TransferResponse, pb.SubmitTransferResponse)
_T = TypeVar("_T", pb.TransferRequest, pb.SubmitTransferRequest, pb.TransferItem)


def _receipt(method: str, request: _Request, *, answer: type[_A], actor: User) -> Receipt:
    is_repeatable = request.HasField("idempotency_key")
    done = write_call(WALLETS + method, request, answer=answer, user_id=actor.pk, is_repeatable=is_repeatable)
    return Receipt(transaction=transaction_of(done.transaction), replayed=done.replayed)


def _result(result: pb.TransferResult) -> Receipt | WalletError:
    if result.HasField("error"):
        return error_of_item(result.error)
    return Receipt(transaction=transaction_of(result.transaction), replayed=result.replayed)


def _filled(message: _T, request: TransferRequest) -> _T:
    """The message of this transfer. Where both receivers are given, or neither, it names none, and is refused."""
    message.source = str(request.source_id)
    message.amount.CopyFrom(_money(request.amount))
    message.memo = request.memo
    if request.idempotency_key is not None:
        message.idempotency_key = request.idempotency_key
    if request.recipient is None and request.destination_id is not None:
        message.destination = str(request.destination_id)
    if request.recipient is not None and request.destination_id is None:
        message.recipient = request.recipient
    return message


def _money(amount: int) -> pb.Money:
    """In the currency of the wallet, whatever that is."""
    return pb.Money(minor_units=amount)


def _transaction(user: User, transaction_id: int) -> internal.ReadTransactionResponse:
    # The address of a page takes more digits than an id has.
    if transaction_id > INT64_MAX:
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such transaction.")
    request = internal.ReadTransactionRequest(transaction_id=str(transaction_id))
    return read_call(INTERNAL + "ReadTransaction", request, answer=internal.ReadTransactionResponse, user_id=user.pk)
