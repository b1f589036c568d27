"""Forms about passkeys. A script of ours (static/js/passkeys.js) fills in what the browser answers to a challenge."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib.auth import HASH_SESSION_KEY

from wallets.auth.passkeys.changes import passkey_rename
from wallets.auth.passkeys.checks import PasskeyRefusedError, PasswordFirstError, passkey_registered
from wallets.auth.sign_in import PASSWORD_MARK, passkey_check, passkey_sign_in
from wallets.models import User

_NAME_LENGTH_MAX = 50
_REFUSED: dict[type[PasskeyRefusedError], str] = {PasswordFirstError: "password_first"}


class _NameForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=_NAME_LENGTH_MAX,
        help_text="Where it is stored, such as “phone” or “blue key”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter a name."},
    )


class _ResponseField(forms.JSONField):
    """JSON that a stranger may have made up. It is not shown again."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except (RecursionError, ValueError) as error:
            # Django expects neither: nesting that never ends, and numbers with thousands of digits.
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error

    def bound_data(self, data: Any, initial: Any) -> Any:  # noqa: ARG002 - Django's signature
        return initial


class _ResponseForm(forms.Form):
    credential = _ResponseField(
        widget=forms.HiddenInput, error_messages={"required": "No passkey was used. Try again."}
    )

    def refused(self, error: PasskeyRefusedError) -> forms.ValidationError:
        refusal: forms.ValidationError = get_adapter().validation_error(_REFUSED.get(type(error), "passkey_refused"))
        return refusal


class AddForm(_NameForm, _ResponseForm):
    """A passkey that the browser has made, and a name for it."""

    field_order = ["name", "credential"]

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_credential(self) -> dict[str, Any]:
        try:
            return passkey_registered(user=self.user, response=self.cleaned_data["credential"])
        except PasskeyRefusedError as error:
            raise get_adapter().validation_error("passkey_not_added") from error


class EditForm(_NameForm):
    """Another name for a passkey."""

    def __init__(self, *args: Any, instance: Authenticator, **kwargs: Any) -> None:
        kwargs["initial"] = {"name": instance.wrap().name, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        self.instance = instance

    def save(self) -> Authenticator:
        passkey_rename(factor=self.instance, name=self.cleaned_data["name"])
        return self.instance


class LoginForm(_ResponseForm):
    """A passkey in place of username, password and code."""

    def clean_credential(self) -> Authenticator:
        try:
            return passkey_sign_in(response=self.cleaned_data["credential"])
        except PasskeyRefusedError as error:
            raise self.refused(error) from error


class AuthenticateForm(_ResponseForm):
    """A passkey after the password."""

    is_reauthentication = False
    #: The key in the session: the session hash of the password with which it began.
    entered_key = PASSWORD_MARK

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_credential(self) -> Authenticator:
        response, request = self.cleaned_data["credential"], context.request
        entered = request.session.get(self.entered_key, "")
        try:
            return passkey_check(user=self.user, response=response, request=request, entered=entered)
        except PasskeyRefusedError as error:
            raise self.refused(error) from error

    def save(self) -> None:
        factor = self.cleaned_data["credential"]
        post_authentication(context.request, factor, reauthenticated=self.is_reauthentication)


class ReauthenticateForm(AuthenticateForm):
    """Asks for a passkey again before a sensitive action."""

    is_reauthentication = True
    entered_key = HASH_SESSION_KEY
