"""The methods of wallet.internal.v1.InternalWalletService, which the site's own web processes call beside wallet.v1.

These methods do not validate requests again: the web process has validated them and has told its user what is wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from google.protobuf.message import Message

from kit.http.bodies import Body, body_make, json_bytes
from transactions.contract import transaction_data
from transactions.funding.payouts import payout_read
from transactions.limits import HISTORY, MONEY
from transactions.models import Kind
from transactions.previews import transfer_preview
from transactions.reads import history_page, transaction_read, unposted_read
from transactions.recipients import TransferRequest
from transactions.rpc.messages import wallet_message
from transactions.rpc.methods import Call, Method
from transactions.rpc.parse import transfer_of
from transactions.selectors import HistoryQuery
from transactions.step_up import step_up_reason
from wallet_proto.internal.v1 import internal_pb2 as pb
from wallet_proto.v1 import wallet_pb2
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.mandates import Scope
from wallets.limits import READ, WRITE
from wallets.models import Wallet
from wallets.selectors import WalletView, wallet_list, wallet_view_get
from wallets.services import wallet_open, wallet_owed_open
from wallets.spending import limits_list, limits_set, step_up_set

R = TypeVar("R", bound=Message)
A = TypeVar("A", bound=Message)


def _wallet_open(call: Call, request: pb.OpenWalletRequest) -> pb.OpenWalletResponse:
    wallet = wallet_open(owner=call.user, currency=request.currency)
    return pb.OpenWalletResponse(wallet=_wallet(call, wallet))


def _wallet_owed_open(call: Call, _: pb.OpenOwedWalletRequest) -> pb.OpenOwedWalletResponse:
    wallet_owed_open(owner_id=call.user.pk)
    return pb.OpenOwedWalletResponse()


def _wallets_read(call: Call, _: pb.ReadWalletsRequest) -> pb.ReadWalletsResponse:
    return pb.ReadWalletsResponse(wallets=[_wallet(call, wallet) for wallet in wallet_list(owner=call.user)])


def _transfer_preview(call: Call, request: pb.PreviewTransferRequest) -> pb.PreviewTransferResponse:
    wanted = TransferRequest(
        source_id=int(request.source),
        destination_id=int(request.destination) if request.HasField("destination") else None,
        recipient=request.recipient if request.HasField("recipient") else None,
        amount=request.amount_minor_units,
        memo=request.memo,
    )
    preview = transfer_preview(actor=call.user, request=wanted)
    owner = preview.destination.owner
    assert owner is not None  # noqa: S101 - nobody sends to the outside world
    return pb.PreviewTransferResponse(
        source=_wallet(call, preview.source),
        destination=wallet_pb2.Side(wallet_id=str(preview.destination.pk), owner=owner.username),
        recipient_name=preview.recipient_name,
        is_first_payment=preview.is_first_payment,
    )


def _transaction_read(call: Call, request: pb.ReadTransactionRequest) -> pb.ReadTransactionResponse:
    found = transaction_read(user=call.user, transaction_id=int(request.transaction_id))
    return pb.ReadTransactionResponse(
        document=_document(body_make(json_bytes(transaction_data(found)))),
        source_owner_id=found.source.owner_id if found.source else None,
        destination_owner_id=found.destination.owner_id if found.destination else None,
    )


def _history_read(call: Call, request: pb.ReadHistoryRequest) -> pb.ReadHistoryResponse:
    view = wallet_view_get(owner=call.user, wallet_id=int(request.wallet_id))
    query = HistoryQuery(
        limit=request.limit,
        cursor=request.cursor if request.HasField("cursor") else None,
        kind=Kind(request.kind) if request.HasField("kind") else None,
        direction=request.direction if request.HasField("direction") else None,
        since=datetime.fromisoformat(request.since) if request.HasField("since") else None,
        until=datetime.fromisoformat(request.until) if request.HasField("until") else None,
    )
    # Never a future version: the page would be cached under it, and later be shown as that version's page.
    asked = replace(view, version=min(view.version, request.version))
    page = history_page(wallet=asked, query=query)
    return pb.ReadHistoryResponse(document=_document(body_make(json_bytes(asdict(page)))))


def _unposted_read(call: Call, request: pb.ReadUnmovedRequest) -> pb.ReadUnmovedResponse:
    view = wallet_view_get(owner=call.user, wallet_id=int(request.wallet_id))
    found = unposted_read(wallet=view)
    return pb.ReadUnmovedResponse(content=json_bytes({"pending": found.pending, "failed": found.failed}))


def _payout_read(call: Call, request: pb.ReadPayoutRequest) -> pb.ReadPayoutResponse:
    found = payout_read(user=call.user, withdrawal_id=int(request.withdrawal_id))
    if found is None:
        return pb.ReadPayoutResponse()
    returned_by = str(found.returned_by_id) if found.returned_by_id is not None else None
    return pb.ReadPayoutResponse(status=found.status, returned_by=returned_by)


def _limits_read(call: Call, _: pb.ReadLimitsRequest) -> pb.ReadLimitsResponse:
    return pb.ReadLimitsResponse(content=json_bytes([view.to_json() for view in limits_list(owner=call.user)]))


def _limits_set(call: Call, request: pb.SetLimitsRequest) -> pb.SetLimitsResponse:
    view = limits_set(
        owner=call.user,
        wallet_id=int(request.wallet_id),
        per_payment=request.per_payment if request.HasField("per_payment") else None,
        per_day=request.per_day if request.HasField("per_day") else None,
    )
    return pb.SetLimitsResponse(content=json_bytes(view.to_json()))


def _step_up_set(call: Call, request: pb.SetStepUpRequest) -> pb.SetStepUpResponse:
    view = step_up_set(owner=call.user, wallet_id=int(request.wallet_id), above=request.above)
    return pb.SetStepUpResponse(content=json_bytes(view.to_json()))


def _step_up_read(call: Call, request: pb.ReadStepUpRequest) -> pb.ReadStepUpResponse:
    reason = step_up_reason(actor=call.user, requests=[transfer_of(item) for item in request.transfers])
    return pb.ReadStepUpResponse(reason=reason or "")


def _wallet(call: Call, wallet: Wallet) -> wallet_pb2.Wallet:
    view = WalletView(
        id=wallet.pk,
        owner_id=call.user.pk,
        currency=wallet.currency,
        status=wallet.status,
        balance=wallet.balance,
        version=wallet.version,
        created_at=wallet.created_at,
    )
    return wallet_message(view, owner=call.user.username)


def _document(body: Body) -> pb.Document:
    return pb.Document(etag=body.etag, content=body.content, packed=body.packed)


def _for_web_processes(run: Callable[[Call, R], A]) -> Callable[[Call, R], A]:
    """Refuses callers with a user's token: these methods are not part of the public contract."""

    @wraps(run)
    def checked(call: Call, request: R) -> A:
        if not call.caller.is_service:
            raise WalletError(ErrorCode.PERMISSION_DENIED, "Only the site's own processes may call this method.")
        return run(call, request)

    return checked


SERVICE = pb.DESCRIPTOR.services_by_name["InternalWalletService"].full_name
#: The method that asks whether an assertion is accepted. `transactions.rpc.admission` answers it.
CHECK = "CheckAssertion"
#: Every other method of the service; a test compares this with the contract.
METHODS: Mapping[str, Method[Any]] = {
    "OpenWallet": Method(
        request=pb.OpenWalletRequest, run=_for_web_processes(_wallet_open), cost=WRITE, scope=Scope.MOVE_MONEY
    ),
    "OpenOwedWallet": Method(
        request=pb.OpenOwedWalletRequest, run=_for_web_processes(_wallet_owed_open), cost=WRITE, scope=Scope.MOVE_MONEY
    ),
    "ReadWallets": Method(
        request=pb.ReadWalletsRequest, run=_for_web_processes(_wallets_read), cost=READ, scope=Scope.READ, is_read=True
    ),
    "PreviewTransfer": Method(
        request=pb.PreviewTransferRequest,
        run=_for_web_processes(_transfer_preview),
        cost=MONEY,
        scope=Scope.READ,
        is_read=True,
    ),
    "ReadTransaction": Method(
        request=pb.ReadTransactionRequest,
        run=_for_web_processes(_transaction_read),
        cost=READ,
        scope=Scope.READ,
        is_read=True,
    ),
    "ReadHistory": Method(
        request=pb.ReadHistoryRequest,
        run=_for_web_processes(_history_read),
        cost=HISTORY,
        scope=Scope.READ,
        is_read=True,
    ),
    "ReadUnmoved": Method(
        request=pb.ReadUnmovedRequest, run=_for_web_processes(_unposted_read), cost=READ, scope=Scope.READ, is_read=True
    ),
    "ReadPayout": Method(
        request=pb.ReadPayoutRequest, run=_for_web_processes(_payout_read), cost=READ, scope=Scope.READ, is_read=True
    ),
    "ReadLimits": Method(
        request=pb.ReadLimitsRequest, run=_for_web_processes(_limits_read), cost=READ, scope=Scope.READ, is_read=True
    ),
    "SetLimits": Method(
        request=pb.SetLimitsRequest, run=_for_web_processes(_limits_set), cost=WRITE, scope=Scope.MOVE_MONEY
    ),
    "SetStepUp": Method(
        request=pb.SetStepUpRequest, run=_for_web_processes(_step_up_set), cost=WRITE, scope=Scope.MOVE_MONEY
    ),
    "ReadStepUp": Method(
        request=pb.ReadStepUpRequest, run=_for_web_processes(_step_up_read), cost=READ, scope=Scope.READ, is_read=True
    ),
}
