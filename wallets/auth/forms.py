"""Forms of the account pages: allauth's, with this site's labels."""

from collections.abc import Mapping
from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django import forms
from django.contrib import messages
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from wallets.auth.locking import accounts_unlockable
from wallets.domain.limits import PASSWORD_LENGTH_MAX
from wallets.models import User, username_validator

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

    def save(self, request: HttpRequest) -> User:
        # The account, its address and its wallet are saved together or not at all.
        with transaction.atomic():
            user: User = super().save(request)
        return user

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        try:
            return super().try_save(request)  # type: ignore[no-any-return]
        except IntegrityError:
            # Somebody took the name between the form's check and the commit.
            messages.error(request, "Someone has just taken this username or email. Try another one.")
            return None, redirect("account_signup")


class LoginForm(allauth_forms.LoginForm):  # type: ignore[misc]
    """A username or email address, and the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Username or email"
        self.fields["login"].widget.attrs.update(autocapitalize="none", spellcheck="false")
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
        value: str = super().clean_email()
        # The database accepts each address once. Say so now, not after the user has followed the link in the mail.
        if User.objects.filter(email=value).exclude(pk=self.user.pk).exists():
            raise get_adapter().validation_error("email_taken")
        return value

    def save(self, request: HttpRequest) -> EmailAddress:
        # allauth would mistake the account's own address, while unverified, for a change under way and delete it. It
        # must stay until the new one is verified, so this deletes only other changes under way.
        pending = EmailAddress.objects.filter(user=self.user, verified=False).exclude(email=self.user.email)
        pending.delete()
        return EmailAddress.objects.add_email(request, self.user, self.cleaned_data["email"], confirm=True)


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
        email: str = super().clean_email()
        # allauth finds active accounts. The owner of a locked one unlocks it by resetting the password.
        found: list[User] = list(self.users)  # type: ignore[has-type]  # set by allauth
        self.users = [*found, *accounts_unlockable(email=email.lower())]
        return email


class ResetPasswordKeyForm(allauth_forms.ResetPasswordKeyForm):  # type: ignore[misc]
    """The new password, on the page of a reset link."""

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
