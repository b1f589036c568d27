"""Serializer fields that take one JSON type and nothing that merely looks like it."""

from datetime import UTC
from typing import Any

from rest_framework import serializers


class TextField(serializers.CharField):
    """A JSON string: DRF's own field takes numbers for strings too."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Must be a string.")
        return super().to_internal_value(data)


class EmailTextField(serializers.EmailField):
    """A JSON string that is an e-mail address, in lower case."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Must be a string.")
        return super().to_internal_value(data).lower()


class ChoiceTextField(serializers.ChoiceField):
    """A JSON string out of a list."""

    default_error_messages = {"invalid_choice": "Must be one of the values listed in the schema."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice")
        return str(super().to_internal_value(data))


class MomentField(serializers.DateTimeField):
    """A time in the answer: RFC 3339, always in UTC, whatever zone a browser's cookie asks the pages to show."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, default_timezone=UTC)
