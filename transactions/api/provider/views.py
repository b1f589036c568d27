"""The endpoint that the payment provider calls. Each event may be delivered repeatedly and takes effect once."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import structlog
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from kit.limits.policies import Cost
from transactions.api.provider.authentication import ProviderAuthentication
from transactions.api.provider.serializers import EventSerializer
from transactions.funding.payouts import payout_confirm, payout_return
from transactions.funding.provider import ReceivedDeposit, deposit_receive
from wallets.api.base import ApiView
from wallets.domain.errors import WalletError
from wallets.models import User

log = structlog.get_logger(__name__)


class ProviderEventsView(ApiView):
    """Events of the payment provider."""

    authentication_classes = (ProviderAuthentication,)
    #: The provider sends what its customers pay. Refusing that for its rate would delay their money.
    writes: ClassVar[tuple[Cost, ...]] = ()

    @extend_schema(exclude=True)
    def post(self, request: Request) -> Response:  # noqa: ARG002 - a view takes a request
        """Answers 204 once the event is in effect, now or before. On any other answer the provider tries again."""
        event = self.body(EventSerializer)
        try:
            _HANDLERS[event["type"]](self.user, event["data"])
        except WalletError as error:
            log.error("provider_event_refused", type=event["type"], code=error.code, detail=error.detail)
            raise
        return Response(status=204)


def _deposit_received(provider: User, data: Mapping[str, Any]) -> None:
    deposit_receive(
        provider=provider,
        received=ReceivedDeposit(
            provider_id=data["id"],
            wallet_id=data["wallet"],
            amount=data["amount"],
            currency=data["currency"],
            memo=data.get("memo", ""),
        ),
    )


def _payout_confirmed(provider: User, data: Mapping[str, Any]) -> None:  # noqa: ARG001 - the handlers' signature
    payout_confirm(withdrawal_id=data["withdrawal"], reference=data.get("reference", ""))


def _payout_returned(provider: User, data: Mapping[str, Any]) -> None:
    payout_return(withdrawal_id=data["withdrawal"], initiator=provider, reason=data["reason"])


_HANDLERS: Mapping[str, Callable[[User, Mapping[str, Any]], None]] = {
    "deposit.received": _deposit_received,
    "payout.confirmed": _payout_confirmed,
    "payout.returned": _payout_returned,
}
