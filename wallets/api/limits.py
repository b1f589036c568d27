"""REST API for the spending limits of a wallet."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kit.http.fields import MomentField
from kit.http.serializers import StrictSerializer
from wallets.api.base import ApiView
from wallets.api.fields import IdField
from wallets.api.schema import operation
from wallets.auth.access import Bearer
from wallets.auth.limits import limits_change, limits_rise
from wallets.auth.step_up import StepUpRequired, is_fresh
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.mandates import Scope
from wallets.domain.spending import LIMIT_MAX
from wallets.gateway import wallet_gateway
from wallets.spending import LimitsView

_MEANING = "in minor units. Null: any amount. 0: nothing may leave the wallet."


@extend_schema_field({"type": "integer", "format": "int64", "minimum": 0, "maximum": LIMIT_MAX})
class LimitField(serializers.Field[int | None, Any, int | None, Any]):
    """Minor units as a JSON integer, or null."""

    default_error_messages = {"invalid": f"Must be null or a JSON integer of minor units, from 0 to {LIMIT_MAX}."}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_null=True)

    def to_internal_value(self, data: Any) -> int:
        # Compares the type, because True is an instance of int.
        if type(data) is not int or not 0 <= data <= LIMIT_MAX:
            self.fail("invalid")
        return data

    def to_representation(self, value: int | None) -> int | None:
        return value


class LimitsInputSerializer(StrictSerializer):
    """Both limits of a wallet."""

    per_payment = LimitField(help_text=f"The most that one payment may move, {_MEANING}")
    per_day = LimitField(help_text=f"The most that may be spent per day of UTC, {_MEANING}")


class ScheduledLimitsSerializer(serializers.Serializer[Any]):
    """Higher limits that do not count yet."""

    per_payment = LimitField(read_only=True, source="next_per_payment")
    per_day = LimitField(read_only=True, source="next_per_day")
    counts_from = MomentField(read_only=True, source="next_at")


class ReducedLimitSerializer(serializers.Serializer[Any]):
    """A lower limit for a day after a password reset."""

    per_day = LimitField(read_only=True, source="reduced_per_day")
    until = MomentField(read_only=True, source="reduced_until")


class LimitsSerializer(serializers.Serializer[Any]):
    """The spending limits of a wallet. Transfers and withdrawals count, as soon as they are posted."""

    wallet = IdField(read_only=True, source="wallet_id")
    currency = serializers.CharField(read_only=True)
    per_payment = LimitField(read_only=True, help_text=f"The most that one payment may move, {_MEANING}")
    per_day = LimitField(read_only=True, help_text=f"The most that may be spent per day of UTC, {_MEANING}")
    spent_today = serializers.IntegerField(read_only=True, help_text="0 in a wallet that has never had limits.")
    left_today = LimitField(read_only=True, help_text="What may still be spent today. Null: any amount.")
    renews_at = MomentField(read_only=True, help_text="When the next day begins.")
    scheduled = serializers.SerializerMethodField(help_text="Higher limits that count later; null if there are none.")
    reduced = serializers.SerializerMethodField(
        help_text="For a day after a password reset, this limit counts as well; otherwise null."
    )
    step_up_above = serializers.IntegerField(
        read_only=True, help_text="In a browser, larger payments need step-up authentication. Set on the page Limits."
    )

    @extend_schema_field(ScheduledLimitsSerializer(allow_null=True))
    def get_scheduled(self, view: LimitsView) -> dict[str, Any] | None:
        return dict(ScheduledLimitsSerializer(view).data) if view.next_at else None

    @extend_schema_field(ReducedLimitSerializer(allow_null=True))
    def get_reduced(self, view: LimitsView) -> dict[str, Any] | None:
        return dict(ReducedLimitSerializer(view).data) if view.reduced_until else None


class WalletLimitsView(ApiView):
    """The spending limits of one wallet."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.READ, "PUT": Scope.MOVE_MONEY}
    http_method_names: ClassVar[list[str]] = ["get", "head", "put"]  # type: ignore[misc]

    @operation(
        name="limits_read",
        tag="Wallets",
        summary="Get a wallet's spending limits",
        answer=LimitsSerializer,
        refusals=[ErrorCode.NOT_FOUND],
        is_conditional=True,
    )
    def get(self, request: Request, wallet_id: int) -> HttpResponse:  # noqa: ARG002 - a view takes a request
        return self.answer(LimitsSerializer(self._limits(wallet_id)).data)

    @operation(
        name="limits_set",
        tag="Wallets",
        summary="Set a wallet's spending limits",
        description=(
            "States both limits. Lower limits count at once. Higher limits, and null, count after 24 hours, and are "
            "`scheduled` until then; to cancel them, set the limits that count now. The owner is told by mail."
        ),
        request=LimitsInputSerializer,
        answer=LimitsSerializer,
        refusals=[ErrorCode.NOT_FOUND, ErrorCode.STEP_UP_REQUIRED],
        examples={"$100 per payment, $500 per day": {"per_payment": 10_000, "per_day": 50_000}},
    )
    def put(self, request: Request, wallet_id: int) -> Response:
        wanted = self.body(LimitsInputSerializer)
        is_session = not isinstance(request.auth, Bearer)
        if is_session and limits_rise(self._limits(wallet_id), **wanted) and not is_fresh(request._request):  # noqa: SLF001
            raise StepUpRequired("you are about to raise your limits")
        limits = limits_change(user=self.user, wallet_id=wallet_id, **wanted)
        return Response(LimitsSerializer(limits).data)

    def _limits(self, wallet_id: int) -> LimitsView:
        for limits in wallet_gateway().limits_list(owner=self.user):
            if limits.wallet_id == wallet_id:
                return limits
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such wallet.")
