"""The gateway of a web process without rights on the books: each question is a call to the wallet service.

It caches nothing, because the service's writers evict only from the service's cache.
"""

import json
from collections.abc import Sequence
from functools import partial

import structlog
from django.db import transaction

from kit.http.bodies import Body
from transactions.contract import transaction_from_json
from transactions.funding.payouts import PayoutView
from transactions.gateway import limits
from transactions.gateway.channel import INTERNAL, WALLETS, read_call, write_call
from transactions.gateway.local import Gateway
from transactions.gateway.messages import (
    body_from_document,
    side_from_message,
    transaction_from_message,
    wallet_from_message,
    wallet_view_from_message,
)
from transactions.gateway.sending import money, receipt_of, result_of, transfer_filled
from transactions.models import Transaction
from transactions.previews import Preview
from transactions.reads import HistoryPage, UnpostedTransfers
from transactions.recipients import TransferRequest
from transactions.selectors import HistoryQuery
from transactions.services import Receipt
from wallet_proto.internal.v1 import internal_pb2 as internal
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import ID_MAX
from wallets.domain.mandates import OWNER, Mandate
from wallets.models import User, Wallet
from wallets.selectors import WalletView
from wallets.services import wallet_owe

log = structlog.get_logger(__name__)

#: Short, because a sweep opens the wallet later if this call fails, and the sign-up should not wait.
_OWED_TIMEOUT_S = 2.0


class RemoteGateway(Gateway):
    """Overrides every question with its call. Raises WalletError, as the local form does."""

    @staticmethod
    def wallet_view_prefetch(*, wallet_id: int) -> None:
        """Does nothing: this process caches no wallets."""

    @staticmethod
    def wallet_view_get(*, owner: User, wallet_id: int) -> WalletView:
        request = pb.GetWalletRequest(wallet_id=str(wallet_id))
        answer = read_call(WALLETS + "GetWallet", request, answer=pb.GetWalletResponse, user_id=owner.pk)
        return wallet_view_from_message(answer.wallet, owner=owner)

    @staticmethod
    def wallet_view_list(*, owner: User) -> list[WalletView]:
        request = pb.ListWalletsRequest()
        answer = read_call(WALLETS + "ListWallets", request, answer=pb.ListWalletsResponse, user_id=owner.pk)
        return [wallet_view_from_message(wallet, owner=owner) for wallet in answer.wallets]

    @staticmethod
    def wallet_list(*, owner: User) -> Sequence[Wallet]:
        request = internal.ReadWalletsRequest()
        answer = read_call(INTERNAL + "ReadWallets", request, answer=internal.ReadWalletsResponse, user_id=owner.pk)
        return [wallet_from_message(wallet, owner=owner) for wallet in answer.wallets]

    @staticmethod
    def wallet_open(*, owner: User, currency: str) -> Wallet:
        answer = write_call(
            INTERNAL + "OpenWallet",
            internal.OpenWalletRequest(currency=currency),
            answer=internal.OpenWalletResponse,
            user_id=owner.pk,
            # If the first try opened the wallet and its answer was lost, a second try would answer WALLET_EXISTS.
            is_repeatable=False,
        )
        return wallet_from_message(answer.wallet, owner=owner)

    @staticmethod
    def wallet_open_first(*, owner: User) -> None:
        """Opens the wallet after the commit, because the service cannot see the account earlier. The commit records
        that the wallet is owed; if the call fails, a sweep opens it (`wallets.tasks`)."""
        wallet_owe(owner=owner)
        transaction.on_commit(partial(_owed_open, owner.pk), robust=True)

    limits_list = staticmethod(limits.limits_list)
    limits_set = staticmethod(limits.limits_set)
    step_up_set = staticmethod(limits.step_up_set)
    step_up_reason = staticmethod(limits.step_up_reason)

    @staticmethod
    def deposit_create(
        *, actor: User, wallet_id: int, amount: int, memo: str = "", idempotency_key: str | None = None
    ) -> Receipt:
        request = pb.DepositRequest(
            wallet_id=str(wallet_id), amount=money(amount), memo=memo, idempotency_key=idempotency_key
        )
        return receipt_of("Deposit", request, answer=pb.DepositResponse, actor=actor)

    @staticmethod
    def withdrawal_create(
        *,
        actor: User,
        wallet_id: int,
        amount: int,
        memo: str = "",
        idempotency_key: str | None = None,
        mandate: Mandate = OWNER,
    ) -> Receipt:
        request = pb.WithdrawRequest(
            wallet_id=str(wallet_id), amount=money(amount), memo=memo, idempotency_key=idempotency_key
        )
        return receipt_of("Withdraw", request, answer=pb.WithdrawResponse, actor=actor, mandate=mandate)

    @staticmethod
    def transfer_create(*, actor: User, request: TransferRequest, mandate: Mandate = OWNER) -> Receipt:
        message = transfer_filled(pb.TransferRequest(), request)
        return receipt_of("Transfer", message, answer=pb.TransferResponse, actor=actor, mandate=mandate)

    @staticmethod
    def transfer_submit(*, actor: User, request: TransferRequest, mandate: Mandate = OWNER) -> Receipt:
        message = transfer_filled(pb.SubmitTransferRequest(), request)
        return receipt_of("SubmitTransfer", message, answer=pb.SubmitTransferResponse, actor=actor, mandate=mandate)

    @staticmethod
    def transfers_submit(
        *, actor: User, requests: Sequence[TransferRequest], mandate: Mandate = OWNER
    ) -> list[Receipt | WalletError]:
        if not requests:
            return []
        answer = write_call(
            WALLETS + "SubmitTransfers",
            pb.SubmitTransfersRequest(transfers=[transfer_filled(pb.TransferItem(), request) for request in requests]),
            answer=pb.SubmitTransfersResponse,
            user_id=actor.pk,
            is_repeatable=all(request.idempotency_key for request in requests),
            mandate=mandate,
        )
        return [result_of(result) for result in answer.results]

    @staticmethod
    def transfer_preview(*, actor: User, request: TransferRequest) -> Preview:
        message = internal.PreviewTransferRequest(
            source=str(request.source_id), amount_minor_units=request.amount, memo=request.memo
        )
        if request.destination_id is not None:
            message.destination = str(request.destination_id)
        if request.recipient is not None:
            message.recipient = request.recipient
        answer = read_call(
            INTERNAL + "PreviewTransfer", message, answer=internal.PreviewTransferResponse, user_id=actor.pk
        )
        source = wallet_from_message(answer.source, owner=actor)
        destination = side_from_message(answer.destination, currency=source.currency)
        return Preview(
            source=source,
            destination=destination,
            amount=request.amount,
            memo=request.memo,
            recipient_name=answer.recipient_name,
            is_first_payment=answer.is_first_payment,
        )

    @staticmethod
    def transaction_prefetch(*, transaction_id: int) -> None:
        """Does nothing: this process caches no transactions."""

    @staticmethod
    def transaction_body(*, user: User, transaction_id: int) -> Body:
        return body_from_document(_transaction(user, transaction_id).document)

    @staticmethod
    def transaction_read(*, user: User, transaction_id: int) -> Transaction:
        answer = _transaction(user, transaction_id)
        owner_ids = [
            answer.source_owner_id if answer.HasField("source_owner_id") else None,
            answer.destination_owner_id if answer.HasField("destination_owner_id") else None,
        ]
        return transaction_from_json(json.loads(body_from_document(answer.document).plain()), owner_ids=owner_ids)

    @staticmethod
    def transaction_list_by_key(*, user: User, idempotency_key: str) -> list[Transaction]:
        request = pb.GetTransactionRequest(idempotency_key=idempotency_key)
        try:
            answer = read_call(WALLETS + "GetTransaction", request, answer=pb.GetTransactionResponse, user_id=user.pk)
        except WalletError as error:
            if error.code != ErrorCode.NOT_FOUND:
                raise
            return []
        return [transaction_from_message(answer.transaction)]

    @staticmethod
    def history_page(*, wallet: WalletView, query: HistoryQuery) -> HistoryPage:
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
        return HistoryPage(**json.loads(body_from_document(answer.document).plain()))

    @staticmethod
    def payout_read(*, user: User, withdrawal_id: int) -> PayoutView | None:
        request = internal.ReadPayoutRequest(withdrawal_id=str(withdrawal_id))
        answer = read_call(INTERNAL + "ReadPayout", request, answer=internal.ReadPayoutResponse, user_id=user.pk)
        if not answer.status:
            return None
        returned_by_id = int(answer.returned_by) if answer.HasField("returned_by") else None
        return PayoutView(status=answer.status, returned_by_id=returned_by_id)

    @staticmethod
    def unposted_read(*, wallet: WalletView) -> UnpostedTransfers:
        request = internal.ReadUnmovedRequest(wallet_id=str(wallet.id))
        answer = read_call(
            INTERNAL + "ReadUnmoved", request, answer=internal.ReadUnmovedResponse, user_id=wallet.owner_id
        )
        return UnpostedTransfers(**json.loads(answer.content))


def _transaction(user: User, transaction_id: int) -> internal.ReadTransactionResponse:
    # The URL of a receipt accepts more digits than an id has.
    if transaction_id > ID_MAX:
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such transaction.")
    request = internal.ReadTransactionRequest(transaction_id=str(transaction_id))
    return read_call(INTERNAL + "ReadTransaction", request, answer=internal.ReadTransactionResponse, user_id=user.pk)


def _owed_open(owner_id: int) -> None:
    request = internal.OpenOwedWalletRequest()
    try:
        write_call(
            INTERNAL + "OpenOwedWallet",
            request,
            answer=internal.OpenOwedWalletResponse,
            user_id=owner_id,
            is_repeatable=True,
            timeout_s=_OWED_TIMEOUT_S,
        )
    except WalletError as error:
        log.warning("first_wallet_owed", code=error.code)
