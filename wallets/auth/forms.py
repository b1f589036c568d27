"""Forms of the account pages: allauth's, with this site's labels."""

from collections.abc import Mapping
from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from wallets.addresses import address_request
from wallets.auth.locking import accounts_unlockable
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.limits import PASSWORD_LENGTH_MAX
from wallets.gateway import wallet_gateway
from wallets.models import User, username_validator
from wallets.services import user_register

#: allauth's sign-up validates new usernames with these.
username_validators = [username_validator]
USERNAME_HINT = "Others can send you money by this name. Use letters, digits, dots and dashes."
CHOOSE_WELL = "At least 10 characters. Avoid common passwords and your own name."


class SignUpForm(allauth_forms.SignupForm):  # type: ignore[misc]  # allauth is untyped
    """Username, email address and password of a new account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = USERNAME_HINT
        self.fields["username"].widget.attrs.update(autocapitalize="none", spellcheck="false")
        self.fields["email"].label = "Email"
        self.fields["password1"].help_text = CHOOSE_WELL
        _limit_passwords(self)
        _require(
            self, {"username": "Enter a username.", "email": "Enter your email.", "password1": "Enter a password."}
        )

    def validate_unique_email(self, value: str) -> str:
        """Accepts every address, so that nobody learns who has an account. It stays unconfirmed for now."""
        return value

    def save(self, request: HttpRequest) -> User:  # noqa: ARG002 - allauth's signature
        return user_register(
            username=self.cleaned_data["username"],
            email=self.cleaned_data["email"],
            password=self.cleaned_data["password1"],
            wallet_open_first=wallet_gateway().wallet_open_first,
        )

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        try:
            return super().try_save(request)  # type: ignore[no-any-return]
        except (IntegrityError, WalletError) as error:
            if isinstance(error, WalletError) and error.code != ErrorCode.MALFORMED:
                raise
            # Somebody took the name between the form's check and the commit.
            messages.error(request, "Someone has just taken this username or one like it. Try another one.")
            return None, redirect("account_signup")


class LoginForm(allauth_forms.LoginForm):  # type: ignore[misc]
    """A username or email address, and the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Username or email"
        self.fields["login"].widget.attrs.update(autocapitalize="none", autocomplete="username", spellcheck="false")
        self.fields["password"].help_text = ""
        self.fields["remember"].label = "Keep me logged in on this device"
        _limit_passwords(self)
        _require(self, {"login": "Enter your username or email.", "password": "Enter your password."})


class AddEmailForm(allauth_forms.AddEmailForm):  # type: ignore[misc]
    """A new email address for this account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "New email"
        _require(self, {"email": "Enter your new email."})

    def clean_email(self) -> str:
        """Accepts the address of another account too, so that nobody learns who has one."""
        value = get_adapter().clean_email(self.cleaned_data["email"])
        if User.objects.filter(pk=self.user.pk, email=value).exists():
            raise get_adapter().validation_error("duplicate_email")
        return str(value)

    def save(self, request: HttpRequest) -> EmailAddress:
        try:
            with transaction.atomic():
                address = address_request(user=self.user, email=self.cleaned_data["email"])
                send_verification_email_to_address(request, address)
        except WalletError as error:
            # The session has ended since the request was authenticated.
            raise ReauthenticationRequired from error
        return address


class ChangePasswordForm(allauth_forms.ChangePasswordForm):  # type: ignore[misc]
    """The current password, and the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_password_fields(self)
        self.fields["oldpassword"].label = "Current password"
        self.fields["oldpassword"].help_text = ""
        _limit_passwords(self)
        _require(self, {"oldpassword": "Enter your current password."})

    def clean_oldpassword(self) -> str:
        # allauth would let anybody at an unattended browser guess without limit.
        password: str = self.cleaned_data["oldpassword"]
        if not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("enter_current_password")
        return password


class ResetPasswordForm(allauth_forms.ResetPasswordForm):  # type: ignore[misc]
    """The email address to which a reset link is sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "Email"
        _require(self, {"email": "Enter your email."})

    def clean_email(self) -> str:
        """Finds the account that has confirmed this address, also one that its owner has locked: resetting the password
        unlocks it. Accounts that have not confirmed it are not found."""
        email = str(get_adapter().clean_email(self.cleaned_data["email"]))
        self.users = [*User.objects.filter(email=email, is_active=True), *accounts_unlockable(email=email)]
        return email


class ResetPasswordKeyForm(allauth_forms.ResetPasswordKeyForm):  # type: ignore[misc]
    """The new password, on the page of a reset link."""

    def save(self) -> None:
        with transaction.atomic():
            # Race: the same link sets a password, or another address is confirmed, after the link was checked. With
            # the lock, what the link was bound to cannot change any more.
            user = User.objects.select_for_update(no_key=True).get(pk=self.user.pk)
            if not allauth_forms.default_token_generator.check_token(user, self.temp_key):
                raise ImmediateHttpResponse(redirect("account_reset_password"))
            get_adapter().set_password(self.user, self.cleaned_data["password1"], is_reset=True)
            if context.request.user.is_authenticated:
                # With all sessions of this user, that of this browser has ended.
                logout(context.request)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_password_fields(self)
        _limit_passwords(self)


class ReauthenticateForm(allauth_forms.ReauthenticateForm):  # type: ignore[misc]
    """Asks for the password again before a sensitive action."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""
        _limit_passwords(self)
        _require(self, {"password": "Enter your password."})


def _name_password_fields(form: forms.Form) -> None:
    form.fields["password1"].label = "New password"
    form.fields["password1"].help_text = CHOOSE_WELL
    form.fields["password2"].label = "Confirm new password"
    _require(form, {"password1": "Enter a new password.", "password2": "Enter the new password again."})


def _limit_passwords(form: forms.Form) -> None:
    """Refuses longer passwords than REST accepts, before anything hashes them."""
    for name, field in form.fields.items():
        if "password" in name:
            field.validators.append(MaxLengthValidator(PASSWORD_LENGTH_MAX))


def _require(form: forms.Form, messages_by_field: Mapping[str, str]) -> None:
    """Sets the error message of each field that is left empty, so that every message names its field."""
    for name, message in messages_by_field.items():
        form.fields[name].error_messages["required"] = message
