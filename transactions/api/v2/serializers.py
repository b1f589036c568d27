"""The bodies of REST v2 in addition to v1's transfers and transactions."""

from typing import Any

from rest_framework import serializers

from kit.http.fields import TextField
from kit.http.serializers import StrictSerializer
from transactions.api.serializers import TransactionSerializer, TransferSerializer
from wallets.api.schema import ProblemSerializer
from wallets.domain.limits import TRANSFERS_MAX, idempotency_key_fits


class BulkItemSerializer(TransferSerializer):
    """One transfer of a bulk request, with its idempotency key."""

    idempotency_key = TextField(
        required=False,
        trim_whitespace=False,
        help_text="1 to 255 visible ASCII characters. Has the same effect as the header of a single transfer.",
    )

    def validate_idempotency_key(self, value: str) -> str:
        if not idempotency_key_fits(value):
            raise serializers.ValidationError("Must be 1 to 255 visible ASCII characters.")
        return value


class BulkSerializer(StrictSerializer):
    """A bulk request. It does not validate the items, because a malformed item must not make the others fail."""

    transfers = serializers.ListField(
        min_length=1,
        max_length=TRANSFERS_MAX,
        error_messages={
            "empty": "Give at least one transfer.",
            "min_length": "Give at least one transfer.",
            "max_length": f"Give at most {TRANSFERS_MAX} transfers.",
        },
    )


class BulkBodySerializer(serializers.Serializer[Any]):
    """A bulk request as the OpenAPI schema shows it, with its items."""

    transfers = serializers.ListField(child=BulkItemSerializer(), min_length=1, max_length=TRANSFERS_MAX)


class BulkResultSerializer(serializers.Serializer[Any]):
    """The result of one item: a transaction or an error."""

    transaction = TransactionSerializer(allow_null=True)
    replayed = serializers.BooleanField(help_text="Whether an earlier request with this key was accepted.")
    error = ProblemSerializer(allow_null=True)


class BulkResultsSerializer(serializers.Serializer[Any]):
    """One result per item, in order."""

    results = BulkResultSerializer(many=True)
