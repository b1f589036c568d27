"""Serializer fields for money and ids. `kit.http.fields` has the general ones."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from wallets.domain.ids import id_read
from wallets.domain.money import AMOUNT_MAX, AMOUNT_MIN

_ID_SCHEMA = {"type": "string", "pattern": "^[1-9][0-9]{0,18}$", "examples": ["193746182400004096"]}


@extend_schema_field({"type": "integer", "format": "int64", "minimum": AMOUNT_MIN, "maximum": AMOUNT_MAX})
class AmountField(serializers.Field[int, Any, int, Any]):
    """Minor units as a JSON integer: not a string, not a boolean, not 5.0, not 5e2."""

    default_error_messages = {
        "invalid": f"Must be a JSON integer of minor units (such as cents), from {AMOUNT_MIN} to {AMOUNT_MAX}."
    }

    def to_internal_value(self, data: Any) -> int:
        # Compares the type, because True is an instance of int.
        if type(data) is not int or not AMOUNT_MIN <= data <= AMOUNT_MAX:
            self.fail("invalid")
        return data

    def to_representation(self, value: int) -> int:
        return value


@extend_schema_field(_ID_SCHEMA)
class IdField(serializers.Field[int, Any, str, Any]):
    """An id. It has up to 63 bits, more than JavaScript's numbers hold exactly, so JSON shows it as a string of
    digits."""

    default_error_messages = {"invalid": "Must be an id: a JSON string of digits."}

    def to_internal_value(self, data: Any) -> int:
        number = id_read(data) if isinstance(data, str) else None
        if number is None:
            self.fail("invalid")
        return number

    def to_representation(self, value: int) -> str:
        return str(value)
