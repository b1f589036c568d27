"""What the API about people and wallets takes and gives."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from kit.http.bodies import Body, body_make, json_bytes, moment_text
from wallets.api.fields import ChoiceTextField, EmailTextField, IdField, MomentField, TextField
from wallets.domain.currencies import CURRENCIES
from wallets.models import User, WalletStatus, username_validator
from wallets.selectors import WalletHead

#: Enough for any passphrase; hashing a megabyte helps nobody.
PASSWORD_LENGTH_MAX = 1_000
_UNKNOWN_NAMES_SHOWN = 20
#: How many answers about wallets this process keeps as it has made them.
_BODIES_KEPT = 4_096


class StrictSerializer(serializers.Serializer[Any]):
    """Input whose unknown fields are refused: a misspelt `memo` must not vanish in silence."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        # What is wrong belongs to a field here; null alone would get a message without one.
        return (False, None) if data is None else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"item": ["Give a JSON object."]})
        unknown = [name for name in data if name not in self.fields][:_UNKNOWN_NAMES_SHOWN]
        errors: dict[str, Any] = {name[:100]: ["This field is unknown here."] for name in unknown}
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


class RegisterSerializer(StrictSerializer):
    """A new account."""

    username = TextField(max_length=64, help_text="Letters, digits, dots, dashes, underscores. Kept in lower case.")
    email = EmailTextField(max_length=254)
    password = TextField(max_length=PASSWORD_LENGTH_MAX, trim_whitespace=False, write_only=True)

    def validate_username(self, value: str) -> str:
        username = value.lower()
        username_validator(username)
        return username

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            validate_password(attrs["password"], user=User(username=attrs["username"], email=attrs["email"]))
        except DjangoValidationError as error:
            raise serializers.ValidationError({"password": error.messages}) from error
        return attrs


class LoginSerializer(StrictSerializer):
    """Credentials."""

    username = TextField(max_length=254, help_text="The username, or the e-mail address.")
    password = TextField(max_length=PASSWORD_LENGTH_MAX, trim_whitespace=False, write_only=True)
    otp = TextField(
        max_length=32, required=False, help_text="With two-factor authentication: the app's code, or a recovery code."
    )


class WalletOpenSerializer(StrictSerializer):
    """The currency of a new wallet."""

    currency = ChoiceTextField(choices=sorted(CURRENCIES), help_text="ISO 4217.")


class UserSerializer(serializers.Serializer[User]):
    """An account."""

    id = IdField(read_only=True)
    username = serializers.CharField(read_only=True)
    email = serializers.EmailField(read_only=True)
    created_at = MomentField(read_only=True, source="date_joined")


class TokenSerializer(serializers.Serializer[Any]):
    """A bearer token, shown this once."""

    token = serializers.CharField(read_only=True)
    expires_at = MomentField(read_only=True, allow_null=True)


class WalletSerializer(serializers.Serializer[Any]):
    """A wallet. `balance` is in minor units; `version` counts its entries."""

    id = IdField(read_only=True)
    owner = serializers.CharField(read_only=True, source="owner.username")
    currency = serializers.CharField(read_only=True)
    status = serializers.ChoiceField(read_only=True, choices=WalletStatus.choices)
    balance = serializers.IntegerField(read_only=True)
    version = serializers.IntegerField(read_only=True)
    created_at = MomentField(read_only=True)


@lru_cache(_BODIES_KEPT)
def head_body(head: WalletHead, *, owner_name: str) -> Body:
    """What is answered for this head, made once for as long as it stays the same."""
    return body_make(json_bytes(head_data(head, owner_name=owner_name)))


def head_data(head: WalletHead, *, owner_name: str) -> dict[str, Any]:
    """The same by hand, for reads that come out of the cache; a test holds the two together."""
    return {
        "id": str(head.id),
        "owner": owner_name,
        "currency": head.currency,
        "status": head.status,
        "balance": head.balance,
        "version": head.version,
        "created_at": moment_text(head.created_at),
    }


class WalletListSerializer(serializers.Serializer[Any]):
    """Wallets, oldest first."""

    results = WalletSerializer(many=True, read_only=True)
