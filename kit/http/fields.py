"""Serializer fields that accept exactly one JSON type."""

from datetime import UTC
from typing import Any

from rest_framework import serializers


class TextField(serializers.CharField):
    """A JSON string. DRF's own field also accepts numbers."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Must be a string.")
        return super().to_internal_value(data)


class EmailTextField(serializers.EmailField):
    """A JSON string that is an email address, in lower case."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Must be a string.")
        return super().to_internal_value(data).lower()


class ChoiceTextField(serializers.ChoiceField):
    """A JSON string from a fixed list."""

    default_error_messages = {"invalid_choice": "Must be one of the values listed in the schema."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice")
        return str(super().to_internal_value(data))


class MomentField(serializers.DateTimeField):
    """A time in an answer: RFC 3339, always in UTC, whatever time zone the browser's cookie asks pages to show."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, default_timezone=UTC)
