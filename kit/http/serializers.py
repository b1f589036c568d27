"""The base class of every request body. It refuses fields that it does not declare."""

from collections.abc import Mapping
from typing import Any, cast

from rest_framework import serializers

_UNKNOWN_NAMES_SHOWN = 20


class StrictSerializer(serializers.Serializer[Any]):
    """Input that refuses unknown fields, so that a misspelt `memo` is reported and not ignored."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        # What is wrong belongs to a field here; null alone would get a message without one.
        return (False, None) if data is None else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"item": ["Must be a JSON object."]})
        unknown = [name for name in data if name not in self.fields][:_UNKNOWN_NAMES_SHOWN]
        errors: dict[str, Any] = {name[:100]: ["Unknown field."] for name in unknown}
        checked: dict[str, Any] = {}
        try:
            checked = super().to_internal_value(data)
        except serializers.ValidationError as error:
            errors.update(cast("dict[str, Any]", error.detail))
        if errors:
            raise serializers.ValidationError(errors)
        return checked


class EmptySerializer(StrictSerializer):
    """No fields at all."""
