"""Where allauth asks this project: a new account gets its wallet, a new password ends old tokens."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

from kit.limits.addresses import client_address
from wallets.book import wallet_open_first
from wallets.models import User
from wallets.services import tokens_revoke_all, user_fence
from wallets.warming import person_warm_up


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    """The rules of `wallets.services` for accounts that are made and changed in the browser."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_taken": "This username is taken. Try another one.",
        "email_taken": "An account with this email already exists. Log in, or reset your password.",
        "duplicate_email": "This is already your email.",
        "email_password_mismatch": "The email or the password is wrong.",
        "username_password_mismatch": "The username or the password is wrong.",
        "too_many_login_attempts": "Too many attempts. Wait a few minutes, then try again.",
        "enter_current_password": "Your current password is wrong.",
        "incorrect_password": "The password is wrong.",
        "incorrect_code": "This code is wrong or has expired. Enter the current code.",
        "rate_limited": "Too many attempts. Wait a minute, then try again.",
    }

    def clean_username(self, username: str, shallow: bool = False) -> str:  # noqa: FBT001, FBT002 - allauth's own
        # Lower case before the check: "Alice" is a fine way to type "alice".
        return str(super().clean_username(username.lower(), shallow))

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:  # noqa: FBT001, FBT002
        """The account and its first wallet, in one commit, as `user_register` makes them."""
        with transaction.atomic():
            user = super().save_user(request, user, form, commit)
            if commit:
                wallet_open_first(owner=user)
        return user

    def can_delete_email(self, email_address: EmailAddress) -> bool:
        """The address an account goes by stays until another takes its place; a change under way can be called off."""
        return bool(email_address.email != email_address.user.email)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        # Somebody may have signed up with the address since the link was sent. The database would refuse it then.
        if User.objects.filter(email=email_address.email).exclude(pk=email_address.user_id).exists():
            template = "account/messages/email_confirmation_failed.txt"
            self.add_message(request, messages.ERROR, template, {"email": email_address.email})
            return False
        return bool(super().confirm_email(request, email_address))

    def get_client_ip(self, request: HttpRequest) -> str:
        """What allauth takes for the client's address is what our limits count by."""
        return client_address(request)

    def set_password(self, user: User, password: str) -> None:
        """A changed or reset password also ends every API token: whoever stole one is out."""
        user.set_password(password)
        with transaction.atomic():
            # This column alone: the rest of `user` is from before, and staff may have shut the account since.
            user.save(update_fields=["password"])
            tokens_revoke_all(user=user)
            user_fence(user_id=user.pk)

    def login(self, request: HttpRequest, user: User) -> None:
        # A password that was right may just have been hashed anew, in a newer way, and with it the hash that this
        # session is opened with: what is cached of the account would not let the session in.
        with transaction.atomic():
            user_fence(user_id=user.pk)
        super().login(request, user)
        person_warm_up(user.pk)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """What two-factor authentication says to people."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "add_email_blocked": "Turn off two-factor authentication before you change your email, then turn it on again.",
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
        "unverified_email": "Confirm your email first, so that nobody else can use it to lock you out.",
    }
