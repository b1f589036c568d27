"""The provider's events: `{"type": …, "timestamp": …, "data": {…}}`, as Standard Webhooks recommends."""

from typing import Any

from rest_framework import serializers

from kit.http.fields import ChoiceTextField, TextField
from kit.http.serializers import StrictSerializer
from transactions.models.funding import REASON_LENGTH_MAX, REFERENCE_LENGTH_MAX
from wallets.api.fields import AmountField, IdField
from wallets.domain.currencies import CURRENCIES
from wallets.domain.limits import MEMO_LENGTH_MAX, idempotency_key_fits


class DepositReceivedSerializer(StrictSerializer):
    """`deposit.received`: money for a wallet has arrived at the provider."""

    id = TextField(max_length=REFERENCE_LENGTH_MAX, help_text="The provider's id of this payment. It is posted once.")
    wallet = IdField()
    amount = AmountField()
    currency = ChoiceTextField(choices=list(CURRENCIES))
    memo = TextField(max_length=MEMO_LENGTH_MAX, required=False, allow_blank=True)

    def validate_id(self, value: str) -> str:
        if not idempotency_key_fits(value):
            raise serializers.ValidationError("Must be visible ASCII characters.")
        return value


class PayoutConfirmedSerializer(StrictSerializer):
    """`payout.confirmed`: the money of a withdrawal has reached its owner."""

    withdrawal = IdField()
    reference = TextField(max_length=REFERENCE_LENGTH_MAX, required=False, allow_blank=True)


class PayoutReturnedSerializer(StrictSerializer):
    """`payout.returned`: the money of a withdrawal came back to the provider."""

    withdrawal = IdField()
    reason = TextField(max_length=REASON_LENGTH_MAX)


#: The types of events, and what the data of each contains.
EVENTS: dict[str, type[StrictSerializer]] = {
    "deposit.received": DepositReceivedSerializer,
    "payout.confirmed": PayoutConfirmedSerializer,
    "payout.returned": PayoutReturnedSerializer,
}


class EventSerializer(StrictSerializer):
    """The envelope of every event."""

    type = ChoiceTextField(choices=list(EVENTS))
    timestamp = TextField(max_length=40, help_text="When the provider made the event. Only for people who read it.")
    data = serializers.DictField()  # type: ignore[assignment]  # hides Serializer.data, which input does not use

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        serializer = EVENTS[attrs["type"]](data=attrs["data"])
        serializer.is_valid(raise_exception=True)
        return {**attrs, "data": serializer.validated_data}
