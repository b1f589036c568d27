"""The request and response bodies of the API about money."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kit.http.fields import ChoiceTextField, MomentField, TextField
from kit.http.serializers import StrictSerializer
from transactions.models import Entry, Kind, Status, Transaction
from transactions.recipients import TransferRequest
from wallets.api.fields import AmountField, IdField
from wallets.domain.errors import CATALOGUE, ErrorCode
from wallets.domain.limits import (
    CURSOR_LENGTH_MAX,
    HISTORY_LIMIT,
    HISTORY_LIMIT_MAX,
    MEMO_LENGTH_MAX,
    RECIPIENT_LENGTH_MAX,
    idempotency_key_fits,
)

# RFC 3339. Stricter than datetime.fromisoformat, which also accepts week dates and times without an offset.
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")
_MOMENT_EXAMPLE = "2026-01-31T12:00:00Z"


class MoneySerializer(StrictSerializer):
    """A deposit or a withdrawal."""

    amount = AmountField()
    memo = TextField(max_length=MEMO_LENGTH_MAX, required=False, allow_blank=True)


class TransferSerializer(StrictSerializer):
    """A transfer to a wallet or to a user: exactly one of `destination` and `recipient`."""

    source = IdField(help_text="The wallet to send from. It must be yours.")  # type: ignore[assignment]  # hides Field.source
    destination = IdField(
        required=False,
        help_text="The wallet to send to, in the same currency. Give either `destination` or `recipient`.",
    )
    recipient = TextField(
        required=False,
        max_length=RECIPIENT_LENGTH_MAX,
        help_text="The username or email of the user to send to.",
    )
    amount = AmountField()
    memo = TextField(max_length=MEMO_LENGTH_MAX, required=False, allow_blank=True)


def transfer_request(body: Mapping[str, Any]) -> TransferRequest:
    """The transfer request of a validated body."""
    return TransferRequest(
        source_id=body["source"],
        destination_id=body.get("destination"),
        recipient=body.get("recipient"),
        amount=body["amount"],
        memo=body.get("memo", ""),
        idempotency_key=body.get("idempotency_key"),
    )


class QueryMomentField(serializers.Field[datetime, Any, str, Any]):
    """A time with an offset, as a query parameter."""

    default_error_messages = {
        "invalid": f'Must be a time with an offset, such as {_MOMENT_EXAMPLE}. (In a URL, write "+" as %2B.)'
    }

    def to_internal_value(self, data: str) -> datetime:
        if not _MOMENT.fullmatch(data):
            self.fail("invalid")
        try:
            return datetime.fromisoformat(data)
        except ValueError:
            self.fail("invalid")


class QueryLimitField(serializers.Field[int, Any, int, Any]):
    """A number of rows, in ASCII digits."""

    default_error_messages = {"invalid": f"Must be a whole number from 1 to {HISTORY_LIMIT_MAX}."}

    def to_internal_value(self, data: str) -> int:
        if not re.fullmatch(r"[0-9]{1,3}", data) or not 1 <= int(data) <= HISTORY_LIMIT_MAX:
            self.fail("invalid")
        return int(data)


class HistoryQuerySerializer(StrictSerializer):
    """The query parameters of a wallet's history: the fields of HistoryQuery."""

    cursor = TextField(required=False, max_length=CURSOR_LENGTH_MAX)
    limit = QueryLimitField(required=False, default=HISTORY_LIMIT)
    kind = ChoiceTextField(required=False, choices=Kind.choices)
    direction = ChoiceTextField(required=False, choices=["in", "out"])
    since = QueryMomentField(required=False)
    until = QueryMomentField(required=False)


class KeyQuerySerializer(StrictSerializer):
    """The query parameter that finds a transaction if the response to its request was lost."""

    idempotency_key = TextField(trim_whitespace=False)

    def validate_idempotency_key(self, value: str) -> str:
        if not idempotency_key_fits(value):
            raise serializers.ValidationError("Must be 1 to 255 visible ASCII characters.")
        return value


class SideSerializer(serializers.Serializer[Any]):
    """One side of a transaction. The owner of the other side learns no more than this."""

    wallet = IdField(source="id")
    owner = serializers.CharField(
        source="owner.username",
        allow_null=True,
        help_text="The username. Null for the recipient of a transfer to an email, until it is posted.",
    )


class FailureSerializer(serializers.Serializer[Any]):
    """Why a transaction failed."""

    code = serializers.CharField()
    detail = serializers.CharField()


class TransactionSerializer(serializers.Serializer[Transaction]):
    """A transaction. A side that is null is the outside world."""

    id = IdField(read_only=True)
    kind = serializers.ChoiceField(read_only=True, choices=Kind.choices)
    status = serializers.ChoiceField(read_only=True, choices=Status.choices)
    amount = serializers.IntegerField(read_only=True)
    currency = serializers.CharField(read_only=True)
    source = SideSerializer(read_only=True, allow_null=True)  # type: ignore[assignment]  # as above
    destination = SideSerializer(read_only=True, allow_null=True)
    memo = serializers.CharField(read_only=True)
    created_at = MomentField(read_only=True)
    settled_at = MomentField(read_only=True, allow_null=True)
    failure = serializers.SerializerMethodField()

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, transaction: Transaction) -> Mapping[str, str] | None:
        if not transaction.failure_code:
            return None
        return {"code": transaction.failure_code, "detail": CATALOGUE[ErrorCode(transaction.failure_code)].title}


class TransactionListSerializer(serializers.Serializer[Any]):
    """A list of transactions."""

    results = TransactionSerializer(many=True, read_only=True)


class EntrySerializer(serializers.Serializer[Entry]):
    """An entry of a wallet's history: the signed amount, and the balance after it."""

    sequence = serializers.IntegerField(read_only=True)
    amount = serializers.IntegerField(read_only=True)
    balance_after = serializers.IntegerField(read_only=True)
    created_at = MomentField(read_only=True)
    transaction = TransactionSerializer(read_only=True)


class EntryPageSerializer(serializers.Serializer[Any]):
    """A page of a wallet's history, newest first, and the URLs of the pages beside it."""

    results = EntrySerializer(many=True, read_only=True)
    next = serializers.CharField(
        read_only=True, allow_null=True, help_text="The page of older entries, with the same filters."
    )
    previous = serializers.CharField(
        read_only=True, allow_null=True, help_text="The page of newer entries, with the same filters."
    )
