"""Transfers over REST v2: a request is accepted durably and answered with 202; the transfer settles later."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from transactions.api.headers import REPLAYED, idempotency_key
from transactions.api.paying import spender
from transactions.api.serializers import TransferSerializer, transfer_request
from transactions.api.v2.schema import bulk_submit, transfer_read, transfer_submitted
from transactions.api.v2.serializers import BulkItemSerializer, BulkSerializer
from transactions.contract import transaction_data
from transactions.gateway.local import gateway
from transactions.limits import BULK, MONEY
from transactions.recipients import TransferRequest
from transactions.services import Receipt
from wallets.api.base import ApiView
from wallets.api.problems import error_of, problem_body
from wallets.domain.errors import WalletError
from wallets.domain.mandates import Scope


class TransfersView(ApiView):
    """Accepts one transfer."""

    scopes: ClassVar[Mapping[str, Scope]] = {"POST": Scope.MOVE_MONEY}
    writes = (MONEY,)

    @transfer_submitted
    def post(self, request: Request) -> Response:
        key = idempotency_key(request)
        wanted = transfer_request({**self.body(TransferSerializer), "idempotency_key": key})
        receipt = spender(self).transfer_submit(request=wanted)
        headers = {"Location": reverse("v2_transfer", args=[receipt.transaction.pk])}
        if receipt.replayed:
            headers[REPLAYED] = "true"
        return Response(transaction_data(receipt.transaction), status=202, headers=headers)


class TransfersBulkView(ApiView):
    """Accepts up to 1000 transfers. A refused item does not affect the others."""

    scopes: ClassVar[Mapping[str, Scope]] = {"POST": Scope.MOVE_MONEY}
    writes = (BULK,)

    @bulk_submit
    def post(self, request: Request) -> Response:  # noqa: ARG002 - a view takes a request
        items = [_item(item) for item in self.body(BulkSerializer)["transfers"]]
        wanted = [item for item in items if isinstance(item, TransferRequest)]
        answers = iter(spender(self).transfers_submit(requests=wanted))
        results = [_result(item if isinstance(item, WalletError) else next(answers)) for item in items]
        return Response({"results": results}, status=202)


class TransferView(ApiView):
    """The current state of a transfer."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.READ}

    def plan(self) -> None:
        gateway().transaction_prefetch(transaction_id=self.kwargs["transaction_id"])

    @transfer_read
    def get(self, request: Request, transaction_id: int) -> HttpResponse:  # noqa: ARG002
        return self.answer(gateway().transaction_body(user=self.user, transaction_id=transaction_id))


# One instance for all items, because creating its fields costs more than validating an item.
_ITEM = BulkItemSerializer()


def _item(data: object) -> TransferRequest | WalletError:
    try:
        return transfer_request(_ITEM.run_validation(data))
    except serializers.ValidationError as error:
        return error_of(error)


def _result(answer: Receipt | WalletError) -> dict[str, Any]:
    if isinstance(answer, WalletError):
        return {"transaction": None, "replayed": False, "error": problem_body(answer)}
    return {"transaction": transaction_data(answer.transaction), "replayed": answer.replayed, "error": None}
