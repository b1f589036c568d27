"""Hooks that allauth calls: a new account gets its first wallet, a new password ends the old tokens, and what happens
to an account is recorded and told to its owner."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.utils import build_absolute_uri
from django.contrib import messages
from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from kit.limits.addresses import client_address
from wallets.auth.browsers import browser_known, browser_remember
from wallets.auth.locking import account_unlock, lock_link_make
from wallets.auth.notices import notice_send
from wallets.auth.security_log import security_event_record
from wallets.auth.sign_in import password_check
from wallets.domain.security import SecurityEventKind
from wallets.gateway import wallet_gateway
from wallets.models import User
from wallets.services import tokens_revoke_all, user_fence
from wallets.warming import person_warm_up

#: The key in the session of a user who has entered the password: the session hash of that password.
_PASSWORD_MARK = "wallets.password_mark"  # noqa: S105 - no password


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    """Applies the rules of `wallets.services` to accounts that are created and changed in the browser."""

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
        # Lower case before the check, so that "Alice" is accepted as "alice".
        return str(super().clean_username(username.lower(), shallow))

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:  # noqa: FBT001, FBT002
        """Creates the account and its first wallet in one database transaction, as `user_register` does."""
        with transaction.atomic():
            user = super().save_user(request, user, form, commit)
            if commit:
                wallet_gateway().wallet_open_first(owner=user)
        return user

    def can_delete_email(self, email_address: EmailAddress) -> bool:
        """The account's address can only be replaced by another. A change that is not confirmed yet can be
        cancelled."""
        return bool(email_address.email != email_address.user.email)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        # Race: somebody signed up with this address after the link was sent. The database would refuse it.
        if User.objects.filter(email=email_address.email).exclude(pk=email_address.user_id).exists():
            template = "account/messages/email_confirmation_failed.txt"
            self.add_message(request, messages.ERROR, template, {"email": email_address.email})
            return False
        user: User = email_address.user
        before = user.email
        with transaction.atomic():
            is_confirmed = bool(super().confirm_email(request, email_address))
            if is_confirmed and email_address.email != before:
                security_event_record(user=user, kind=SecurityEventKind.EMAIL_CHANGED)
        return is_confirmed

    def get_client_ip(self, request: HttpRequest) -> str:
        """The client's address as our rate limits determine it, so that allauth uses the same."""
        return client_address(request)

    def set_password(self, user: User, password: str) -> None:
        """Sets a new password, which also ends every API token, so that a stolen one no longer works.

        A reset by mail unlocks an account that its owner had locked. This browser stays, or becomes, known to the user.
        """
        request: HttpRequest | None = self.request
        is_reset = request is not None and not request.user.is_authenticated
        user.set_password(password)
        with transaction.atomic():
            # Only this column: `user` was read earlier, and staff may have deactivated the account since.
            user.save(update_fields=["password"])
            kind = SecurityEventKind.PASSWORD_RESET if is_reset else SecurityEventKind.PASSWORD_CHANGED
            security_event_record(user=user, kind=kind)
            if is_reset:
                account_unlock(user=user)
            tokens_revoke_all(user=user)
            user_fence(user_id=user.pk)
        if request is not None:
            browser_remember(request, user)

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether this is the user's password. Wrong ones count as guesses."""
        found = password_check(login=user.get_username(), password=password, request=self.request)
        return found is not None and found.pk == user.pk

    def pre_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse | None:
        response: HttpResponse | None = super().pre_login(request, user, **options)
        if response is None:
            request.session[_PASSWORD_MARK] = user.get_session_auth_hash()
        return response

    def login(self, request: HttpRequest, user: User) -> None:
        """Signs the user in, unless the account was locked or its password changed since the password was entered:
        entering the second factor may take a while."""
        mark = request.session.pop(_PASSWORD_MARK, None)
        if not user.is_active or (mark is not None and not constant_time_compare(mark, user.get_session_auth_hash())):
            raise ImmediateHttpResponse(redirect("account_login"))
        super().login(request, user)
        person_warm_up(user.pk)

    def post_login(self, request: HttpRequest, user: User, *, signup: bool, **options: Any) -> HttpResponse:
        """Records the sign-in, and tells the owner if it was in a browser that the account does not know."""
        is_news = not signup and browser_known(request, user) is None
        browser_remember(request, user)
        with transaction.atomic():
            security_event_record(user=user, kind=SecurityEventKind.SIGNED_IN, detail={"new_browser": is_news})
            if is_news:
                notice_send(user=user, name="new_sign_in")
        response: HttpResponse = super().post_login(request, user, signup=signup, **options)
        return response

    def logout(self, request: HttpRequest) -> None:
        session_end(request)

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Every mail about the account's security has a link that locks the account."""
        path = reverse("account_lock_by_link", args=[lock_link_make(user_id=user.pk)])
        words = {"lock_url": build_absolute_uri(self.request, path), "user": user, **(context or {})}
        super().send_notification_mail(template_prefix, user, words, email)


def session_end(request: HttpRequest) -> None:
    """Logs the browser out, and records it."""
    if request.user.is_authenticated:
        security_event_record(user=request.user, kind=SecurityEventKind.SIGNED_OUT)
    logout(request)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Messages of two-factor authentication."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "add_email_blocked": "Turn off two-factor authentication before you change your email, then turn it on again.",
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
        "unverified_email": "Confirm your email first, so that nobody else can use it to lock you out.",
    }
