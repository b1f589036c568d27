"""Forms of two-factor authentication: allauth's, with our check of codes."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base_forms
from allauth.mfa.internal.flows.add import validate_can_add_authenticator
from allauth.mfa.totp import forms as totp_forms
from django import forms

from wallets.auth.factors.codes import totp_step
from wallets.auth.sign_in import second_factor_check

_CODE_LENGTH_MAX = 32


class _CodeChecked(forms.Form):
    """Accepts a code of the authenticator app or a recovery code, within the guessing budget."""

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        user: Any = self.user  # type: ignore[attr-defined]  # set by allauth
        factor = second_factor_check(user=user, code=code[:_CODE_LENGTH_MAX], request=context.request)
        if factor is None:
            raise get_adapter().validation_error("incorrect_code")
        factor.user = user
        self.authenticator = factor
        return code


class AuthenticateForm(_CodeChecked, base_forms.AuthenticateForm):  # type: ignore[misc]  # allauth is untyped
    """The code after the password."""


class ReauthenticateForm(_CodeChecked, base_forms.ReauthenticateForm):  # type: ignore[misc]
    """Asks for a code again before a sensitive action."""


class ActivateTOTPForm(totp_forms.ActivateTOTPForm):  # type: ignore[misc]
    """The first code of a new authenticator app. Whoever enters it has the secret, so there is nothing to guess."""

    def clean_code(self) -> str:
        validate_can_add_authenticator(self.user)
        code: str = self.cleaned_data["code"]
        if totp_step(secret=self.secret, code=code[:_CODE_LENGTH_MAX]) is None:
            raise get_adapter().validation_error("incorrect_code")
        return code
