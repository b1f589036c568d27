"""Money over REST v1: a request is posted or refused before it is answered."""

from collections.abc import Mapping
from typing import ClassVar

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from transactions.api.headers import REPLAYED, idempotency_key
from transactions.api.paying import spender
from transactions.api.serializers import (
    HistoryQuerySerializer,
    KeyQuerySerializer,
    MoneySerializer,
    TransactionSerializer,
    TransferSerializer,
    transfer_request,
)
from transactions.api.v1.history import history_body, history_prefetch
from transactions.api.v1.schema import history_read, key_lookup, money_post
from transactions.contract import transaction_data
from transactions.gateway.local import gateway
from transactions.limits import HISTORY, MONEY
from transactions.selectors import HistoryQuery
from transactions.services import Receipt
from wallets.api.base import ApiView
from wallets.api.schema import operation
from wallets.domain.errors import ErrorCode
from wallets.domain.mandates import Scope
from wallets.viewed import wallet_viewed


class DepositsView(ApiView):
    """Deposits."""

    scopes: ClassVar[Mapping[str, Scope]] = {"POST": Scope.MOVE_MONEY}
    writes = (MONEY,)

    @money_post(
        name="deposit_create",
        summary="Deposit money into your wallet",
        request=MoneySerializer,
        refusals=[ErrorCode.FUNDING_CLOSED, ErrorCode.BALANCE_LIMIT_EXCEEDED],
        example={"amount": 12_500, "memo": "Salary"},
    )
    def post(self, request: Request, wallet_id: int) -> Response:
        key = idempotency_key(request)
        return _receipt(
            gateway().deposit_create(
                actor=self.user, wallet_id=wallet_id, idempotency_key=key, **self.body(MoneySerializer)
            )
        )


class WithdrawalsView(ApiView):
    """Withdrawals."""

    scopes: ClassVar[Mapping[str, Scope]] = {"POST": Scope.MOVE_MONEY}
    writes = (MONEY,)

    @money_post(
        name="withdrawal_create",
        summary="Withdraw money from your wallet",
        request=MoneySerializer,
        refusals=[
            ErrorCode.STEP_UP_REQUIRED,
            ErrorCode.TOKEN_CEILING_EXCEEDED,
            ErrorCode.SPENDING_LIMIT_EXCEEDED,
            ErrorCode.INSUFFICIENT_FUNDS,
        ],
        example={"amount": 2_000},
    )
    def post(self, request: Request, wallet_id: int) -> Response:
        key = idempotency_key(request)
        return _receipt(
            spender(self).withdrawal_create(wallet_id=wallet_id, idempotency_key=key, **self.body(MoneySerializer))
        )


class TransfersView(ApiView):
    """Transfers."""

    scopes: ClassVar[Mapping[str, Scope]] = {"POST": Scope.MOVE_MONEY}
    writes = (MONEY,)

    @money_post(
        name="transfer_create",
        summary="Send money to a user or a wallet",
        request=TransferSerializer,
        refusals=[
            ErrorCode.RECIPIENT_NOT_FOUND,
            ErrorCode.SAME_WALLET,
            ErrorCode.TOKEN_CEILING_EXCEEDED,
            ErrorCode.CURRENCY_MISMATCH,
            ErrorCode.STEP_UP_REQUIRED,
            ErrorCode.SPENDING_LIMIT_EXCEEDED,
            ErrorCode.INSUFFICIENT_FUNDS,
            ErrorCode.RECIPIENT_CANNOT_RECEIVE,
        ],
        example={"source": "193746182400004096", "recipient": "bob", "amount": 2_500, "memo": "Lunch"},
    )
    def post(self, request: Request) -> Response:
        key = idempotency_key(request)
        wanted = transfer_request({**self.body(TransferSerializer), "idempotency_key": key})
        return _receipt(spender(self).transfer_create(request=wanted))


class TransactionView(ApiView):
    """One transaction, for the owners of both sides."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.READ}

    def plan(self) -> None:
        gateway().transaction_prefetch(transaction_id=self.kwargs["transaction_id"])

    @operation(
        name="transaction_read",
        tag="Money",
        summary="Get a transaction",
        answer=TransactionSerializer,
        refusals=[ErrorCode.NOT_FOUND],
        is_conditional=True,
    )
    def get(self, request: Request, transaction_id: int) -> HttpResponse:  # noqa: ARG002 - a view takes a request
        return self.answer(gateway().transaction_body(user=self.user, transaction_id=transaction_id))


class TransactionsView(ApiView):
    """The transaction of an idempotency key."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.READ}

    @key_lookup
    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002
        found = gateway().transaction_list_by_key(user=self.user, **self.query(KeyQuerySerializer))
        return self.answer({"results": [transaction_data(transaction) for transaction in found]})


class HistoryView(ApiView):
    """A wallet's entries."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.READ}
    reads = (HISTORY,)

    def plan(self) -> None:
        history_prefetch(wallet_id=self.kwargs["wallet_id"])

    @history_read
    def get(self, request: Request, wallet_id: int) -> HttpResponse:  # noqa: ARG002
        query = HistoryQuery(**self.query(HistoryQuerySerializer))
        wallet = gateway().wallet_view_get(owner=self.user, wallet_id=wallet_id)
        wallet_viewed(wallet.id)
        return self.answer(history_body(wallet=wallet, query=query))


def _receipt(receipt: Receipt) -> Response:
    """A replay gets the first answer, and a header that marks it."""
    headers = {"Location": reverse("v1_transaction", args=[receipt.transaction.pk])}
    if receipt.replayed:
        headers[REPLAYED] = "true"
    return Response(transaction_data(receipt.transaction), status=201, headers=headers)
