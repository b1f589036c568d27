"""Input and output of the API for accounts and wallets."""

from functools import lru_cache
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from kit.http.bodies import Body, body_make, json_bytes, moment_text
from kit.http.fields import ChoiceTextField, EmailTextField, MomentField, TextField
from kit.http.serializers import StrictSerializer
from wallets.api.fields import IdField
from wallets.domain.currencies import CURRENCIES
from wallets.domain.limits import PASSWORD_LENGTH_MAX
from wallets.domain.mandates import SCOPE_TITLES, Scope
from wallets.domain.names import email_canonical, username_canonical
from wallets.models import User, WalletStatus, username_validator
from wallets.selectors import WalletView

#: How many rendered wallets this process keeps.
_BODIES_KEPT = 4_096


class RegisterSerializer(StrictSerializer):
    """A new account."""

    username = TextField(
        max_length=64,
        help_text="Letters, digits, dots, dashes, underscores. Stored in lower case. Others see it.",
    )
    email = EmailTextField(max_length=254, help_text="Unused until its owner follows the link that is mailed to it.")
    password = TextField(max_length=PASSWORD_LENGTH_MAX, trim_whitespace=False, write_only=True)

    def validate_username(self, value: str) -> str:
        username = username_canonical(value)
        username_validator(username)
        return username

    def validate_email(self, value: str) -> str:
        try:
            return email_canonical(value)
        except ValueError as error:
            raise serializers.ValidationError("Enter a valid email address.") from error

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            validate_password(attrs["password"], user=User(username=attrs["username"], email=attrs["email"]))
        except DjangoValidationError as error:
            raise serializers.ValidationError({"password": error.messages}) from error
        return attrs


class LoginSerializer(StrictSerializer):
    """Credentials."""

    username = TextField(max_length=254, help_text="The username or the confirmed email.")
    password = TextField(max_length=PASSWORD_LENGTH_MAX, trim_whitespace=False, write_only=True)
    otp = TextField(
        max_length=32,
        required=False,
        help_text="Required with two-factor authentication: a code from the authenticator app, or a recovery code.",
    )


class WalletOpenSerializer(StrictSerializer):
    """The currency of a new wallet."""

    currency = ChoiceTextField(choices=sorted(CURRENCIES), help_text="The ISO 4217 code.")


class UserSerializer(serializers.Serializer[User]):
    """An account."""

    id = IdField(read_only=True)
    username = serializers.CharField(read_only=True)
    display_name = serializers.CharField(
        read_only=True, source="shown_name", help_text="What others see beside the username. By default the username."
    )
    email = serializers.EmailField(
        read_only=True, allow_null=True, help_text="The confirmed email. Null as long as none is confirmed."
    )
    created_at = MomentField(read_only=True, source="date_joined")


class TokenSerializer(serializers.Serializer[Any]):
    """A bearer token, shown this once."""

    token = serializers.CharField(read_only=True)
    expires_at = MomentField(read_only=True, allow_null=True)


class CeilingSerializer(serializers.Serializer[Any]):
    """How much a token may pay in one currency, in minor units. Null: any amount. Days are in UTC."""

    currency = serializers.CharField(read_only=True)
    per_payment = serializers.IntegerField(read_only=True, allow_null=True)
    per_day = serializers.IntegerField(read_only=True, allow_null=True)
    left_today = serializers.IntegerField(read_only=True, allow_null=True, source="left")


class TokenDetailsSerializer(serializers.Serializer[Any]):
    """What a token may do, and until when. With ceilings, it pays only in their currencies."""

    name = serializers.CharField(read_only=True)
    scopes = serializers.ListField(
        read_only=True, child=serializers.ChoiceField(choices=[(scope.value, SCOPE_TITLES[scope]) for scope in Scope])
    )
    ceilings = CeilingSerializer(read_only=True, many=True, source="ceilings_today")
    created_at = MomentField(read_only=True, source="created")
    expires_at = MomentField(read_only=True, allow_null=True, source="expiry")


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
def wallet_view_body(view: WalletView, *, owner_name: str) -> Body:
    """The body for a wallet, rendered once as long as the wallet stays the same."""
    return body_make(json_bytes(wallet_view_data(view, owner_name=owner_name)))


def wallet_view_data(view: WalletView, *, owner_name: str) -> dict[str, Any]:
    """The same as `WalletSerializer`, but faster, for cached reads. A test compares the two."""
    return {
        "id": str(view.id),
        "owner": owner_name,
        "currency": view.currency,
        "status": view.status,
        "balance": view.balance,
        "version": view.version,
        "created_at": moment_text(view.created_at),
    }


class WalletListSerializer(serializers.Serializer[Any]):
    """Wallets, oldest first."""

    results = WalletSerializer(many=True, read_only=True)
