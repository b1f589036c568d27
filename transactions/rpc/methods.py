"""The unary methods of wallet.v1.WalletService. Each parses, calls one service or selector, and renders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from kit.limits.policies import Cost
from transactions.limits import BULK, HISTORY, MONEY
from transactions.reads import history_page, transaction_read
from transactions.recipients import TransferRequest
from transactions.rpc import parse
from transactions.rpc.authentication import Caller
from transactions.rpc.currencies import currencies_check, currency_check
from transactions.rpc.errors import error_message
from transactions.rpc.messages import history_message, transaction_message, wallet_message
from transactions.selectors import transaction_list_by_key
from transactions.services import (
    Receipt,
    deposit_create,
    transfer_create,
    transfer_submit,
    transfers_submit,
    withdrawal_create,
)
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import id_read
from wallets.domain.mandates import Mandate, Scope
from wallets.limits import READ
from wallets.models import User
from wallets.selectors import wallet_view_get, wallet_view_list, wallet_view_prefetch
from wallets.viewed import wallet_viewed

R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An authenticated call."""

    caller: Caller

    @property
    def user(self) -> User:
        return self.caller.user

    @property
    def mandate(self) -> Mandate:
        return self.caller.mandate


def _nothing_prefetch(_: Any) -> None:
    pass


def _one_item(_: Any) -> int:
    return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(Generic[R]):
    """A method: its request, the function that runs it, and its cost. `run` raises WalletError for every refusal.

    `is_read`: the method changes nothing, so a web process's assertion may be used for it again while it is valid.
    """

    request: type[R]
    run: Callable[[Call, R], Message]
    cost: Cost
    #: The scope that a token needs.
    scope: Scope
    is_read: bool = False
    items: Callable[[R], int] = _one_item
    #: Prefetches what the method will read, before the caller is authenticated.
    prefetch: Callable[[R], None] = _nothing_prefetch


def wallet_get(call: Call, request: pb.GetWalletRequest) -> pb.GetWalletResponse:
    return pb.GetWalletResponse(wallet=wallet_read(call, request.wallet_id))


def wallet_read(call: Call, wallet_id: str) -> pb.Wallet:
    """The caller's wallet as it is now. Raises MALFORMED and NOT_FOUND."""
    view = wallet_view_get(owner=call.user, wallet_id=parse.wallet_id_of(wallet_id))
    wallet_viewed(view.id)
    return wallet_message(view, owner=call.user.username)


def wallets_list(call: Call, _: pb.ListWalletsRequest) -> pb.ListWalletsResponse:
    views = wallet_view_list(owner=call.user)
    return pb.ListWalletsResponse(wallets=[wallet_message(view, owner=call.user.username) for view in views])


def deposit(call: Call, request: pb.DepositRequest) -> pb.DepositResponse:
    wallet_id, amount, memo, key = parse.movement_of(request)
    currency_check(owner=call.user, wallet_id=wallet_id, currency=request.amount.currency)
    receipt = deposit_create(actor=call.user, wallet_id=wallet_id, amount=amount, memo=memo, idempotency_key=key)
    return pb.DepositResponse(transaction=transaction_message(receipt.transaction), replayed=receipt.replayed)


def withdraw(call: Call, request: pb.WithdrawRequest) -> pb.WithdrawResponse:
    wallet_id, amount, memo, key = parse.movement_of(request)
    currency_check(owner=call.user, wallet_id=wallet_id, currency=request.amount.currency)
    receipt = withdrawal_create(
        actor=call.user, wallet_id=wallet_id, amount=amount, memo=memo, idempotency_key=key, mandate=call.mandate
    )
    return pb.WithdrawResponse(transaction=transaction_message(receipt.transaction), replayed=receipt.replayed)


def transfer(call: Call, request: pb.TransferRequest) -> pb.TransferResponse:
    wanted = parse.transfer_of(request)
    currency_check(owner=call.user, wallet_id=wanted.source_id, currency=request.amount.currency)
    receipt = transfer_create(actor=call.user, request=wanted, mandate=call.mandate)
    return pb.TransferResponse(transaction=transaction_message(receipt.transaction), replayed=receipt.replayed)


def transfer_submitted(call: Call, request: pb.SubmitTransferRequest) -> pb.SubmitTransferResponse:
    wanted = parse.transfer_of(request)
    currency_check(owner=call.user, wallet_id=wanted.source_id, currency=request.amount.currency)
    receipt = transfer_submit(actor=call.user, request=wanted, mandate=call.mandate)
    return pb.SubmitTransferResponse(transaction=transaction_message(receipt.transaction), replayed=receipt.replayed)


def transfers_submitted(call: Call, request: pb.SubmitTransfersRequest) -> pb.SubmitTransfersResponse:
    parse.transfers_count_check(len(request.transfers))
    items = currencies_check(owner=call.user, items=request.transfers, parsed=list(map(_item, request.transfers)))
    wanted = [item for item in items if isinstance(item, TransferRequest)]
    answers = iter(transfers_submit(actor=call.user, requests=wanted, mandate=call.mandate))
    results = [_result(item if isinstance(item, WalletError) else next(answers)) for item in items]
    return pb.SubmitTransfersResponse(results=results)


def transaction_get(call: Call, request: pb.GetTransactionRequest) -> pb.GetTransactionResponse:
    by = parse.transaction_reference_parse(request)
    if isinstance(by, int):
        found = transaction_read(user=call.user, transaction_id=by)
        return pb.GetTransactionResponse(transaction=transaction_message(found))
    made = transaction_list_by_key(user=call.user, idempotency_key=by)
    if not made:
        raise WalletError(ErrorCode.NOT_FOUND, "You have no transaction with this idempotency key.")
    return pb.GetTransactionResponse(transaction=transaction_message(made[0]))


def entries_list(call: Call, request: pb.ListEntriesRequest) -> pb.ListEntriesResponse:
    wallet_id, query = parse.history_of(request)
    view = wallet_view_get(owner=call.user, wallet_id=wallet_id)
    wallet_viewed(view.id)
    return history_message(history_page(wallet=view, query=query), currency=view.currency)


def wallet_prefetch(request: pb.GetWalletRequest | pb.ListEntriesRequest | pb.WatchWalletRequest) -> None:
    number = id_read(request.wallet_id)
    if number is not None:
        wallet_view_prefetch(wallet_id=number)


def _item(item: pb.TransferItem) -> TransferRequest | WalletError:
    try:
        return parse.transfer_of(item)
    except WalletError as error:
        return error


def _result(answer: Receipt | WalletError) -> pb.TransferResult:
    if isinstance(answer, WalletError):
        return pb.TransferResult(error=error_message(answer))
    return pb.TransferResult(transaction=transaction_message(answer.transaction), replayed=answer.replayed)


#: Every method of the service except WatchWallet, which streams; a test compares this with the contract.
METHODS: Mapping[str, Method[Any]] = {
    "GetWallet": Method(
        request=pb.GetWalletRequest, run=wallet_get, cost=READ, scope=Scope.READ, is_read=True, prefetch=wallet_prefetch
    ),
    "ListWallets": Method(request=pb.ListWalletsRequest, run=wallets_list, cost=READ, scope=Scope.READ, is_read=True),
    "Deposit": Method(request=pb.DepositRequest, run=deposit, cost=MONEY, scope=Scope.MOVE_MONEY),
    "Withdraw": Method(request=pb.WithdrawRequest, run=withdraw, cost=MONEY, scope=Scope.MOVE_MONEY),
    "Transfer": Method(request=pb.TransferRequest, run=transfer, cost=MONEY, scope=Scope.MOVE_MONEY),
    "SubmitTransfer": Method(
        request=pb.SubmitTransferRequest, run=transfer_submitted, cost=MONEY, scope=Scope.MOVE_MONEY
    ),
    "SubmitTransfers": Method(
        request=pb.SubmitTransfersRequest,
        run=transfers_submitted,
        cost=BULK,
        scope=Scope.MOVE_MONEY,
        items=lambda request: len(request.transfers),
    ),
    "GetTransaction": Method(
        request=pb.GetTransactionRequest, run=transaction_get, cost=READ, scope=Scope.READ, is_read=True
    ),
    "ListEntries": Method(
        request=pb.ListEntriesRequest,
        run=entries_list,
        cost=HISTORY,
        scope=Scope.READ,
        is_read=True,
        prefetch=wallet_prefetch,
    ),
}
