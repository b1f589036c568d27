"""Hooks that allauth calls: what a new password ends, and what happens when an address is confirmed."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.password_reset import get_reset_password_url
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.utils import build_absolute_uri
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from kit.limits.addresses import client_address
from kit.limits.costs import cost_take, name_key
from wallets.addresses import Confirmed, address_confirm
from wallets.domain.names import email_canonical, skeleton, username_canonical
from wallets.limits import CONFIRMATION_MAIL
from wallets.models import User
from wallets.services import USERNAME_SIMILAR, password_changed, user_fence
from wallets.warming import person_warm_up


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    """Applies the rules of `wallets.services` to accounts that are created and changed in the browser."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_taken": "This username is taken. Try another one.",
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
        # The canonical form before the check, so that "Alice" is accepted as "alice".
        name = str(super().clean_username(username_canonical(username), shallow))
        if not shallow and User.objects.filter(skeleton=skeleton(name)).exists():
            raise ValidationError(USERNAME_SIMILAR)
        return name

    def clean_email(self, email: str) -> str:
        try:
            return email_canonical(email)
        except ValueError as error:
            raise ValidationError("Enter a valid email address.") from error

    def can_delete_email(self, email_address: EmailAddress) -> bool:
        """The account's address can only be replaced by another. A change that is not confirmed yet can be
        cancelled."""
        return not email_address.verified

    def send_confirmation_mail(self, request: HttpRequest, emailconfirmation: Any, signup: bool) -> None:  # noqa: FBT001
        """Mails the link that confirms an address. If another account has confirmed it, its owner gets a mail without a
        link instead, and whoever entered the address sees no difference."""
        email = emailconfirmation.email_address.email
        if settings.THROTTLE_ENABLED and cost_take(CONFIRMATION_MAIL, key=name_key(email)).is_refused:
            return
        if not User.objects.filter(email=email).exists():
            super().send_confirmation_mail(request, emailconfirmation, signup)
            return
        context = {"signup": signup, "password_reset_url": get_reset_password_url(request)}
        self.send_mail("account/email/email_in_use", email, context)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        with transaction.atomic():
            confirmed = address_confirm(address=email_address)
            if confirmed is not None and confirmed.old_email is not None:
                self._notify_old_email(request, confirmed)
        if confirmed is None:
            self.add_message(request, messages.ERROR, "account/messages/email_confirmation_failed.txt")
            return False
        context = {"email": confirmed.email}
        self.add_message(request, messages.SUCCESS, "account/messages/email_confirmed.txt", context)
        return True

    def _notify_old_email(self, request: HttpRequest, confirmed: Confirmed) -> None:
        path = reverse("email_change_undo", args=[confirmed.undo_key])
        context = {
            "from_email": confirmed.old_email,
            "to_email": confirmed.email,
            "undo_url": build_absolute_uri(request, path),
        }
        self.send_notification_mail("account/email/email_changed", confirmed.user, context, email=confirmed.old_email)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """The second factor if the account has one, otherwise the password."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        second = [method for method in methods if method["id"] != "reauthenticate"]
        return second or methods

    def get_client_ip(self, request: HttpRequest) -> str:
        """The client's address as our rate limits determine it, so that allauth uses the same."""
        return client_address(request)

    def set_password(self, user: User, password: str) -> None:
        """Sets a new password, which also ends what the old one authorised (`password_changed`)."""
        user.set_password(password)
        with transaction.atomic():
            # Only this column: `user` was read earlier, and staff may have deactivated the account since.
            user.save(update_fields=["password"])
            password_changed(user=user)

    def login(self, request: HttpRequest, user: User) -> None:
        # Django may just have rehashed the password with a newer method. That changes the session hash of the new
        # session, and the cached user would not match it.
        with transaction.atomic():
            user_fence(user_id=user.pk)
        super().login(request, user)
        person_warm_up(user.pk)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Messages of two-factor authentication."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
    }
