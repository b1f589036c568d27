"""Hooks that allauth calls: what a new password ends, what follows a confirmed address, and what its owner is told."""

from functools import partial
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.password_reset import get_reset_password_url
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.utils import build_absolute_uri
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from kit.limits.addresses import client_address
from kit.limits.costs import cost_take, name_key
from wallets.addresses import Confirmed, address_confirm
from wallets.auth.browsers import browser_known, browser_remember
from wallets.auth.locking import account_unlock, lock_link_make
from wallets.auth.mails import mail_context, mail_valid_for
from wallets.auth.notices import notice_send
from wallets.auth.passkeys.site import passkey_site
from wallets.auth.security_log import security_event_record
from wallets.auth.sessions.middleware import session_of
from wallets.auth.sign_in import PASSWORD_MARK, password_check
from wallets.domain.names import email_canonical, skeleton, username_canonical
from wallets.domain.security import SecurityEventKind
from wallets.limits import CONFIRMATION_MAIL
from wallets.models import User
from wallets.services import password_changed
from wallets.spending import limits_reduce
from wallets.taken import USERNAME_SIMILAR
from wallets.tokens.services import tokens_revoke_all
from wallets.warming import person_warm_up

#: Ways to confirm who is there, as links on the pages of the others.
_BY_PASSKEY = "mfa_reauthenticate:webauthn"
_METHODS = {_BY_PASSKEY: "Use a passkey instead", "mfa_reauthenticate": "Use a code instead"}


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
            if confirmed is not None and confirmed.email != confirmed.old_email:
                security_event_record(user=confirmed.user, kind=SecurityEventKind.EMAIL_CHANGED)
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
        """A passkey or a code if the account has a second factor, otherwise the password. The first is the default: the
        passkey, where the browser can use it."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        second = [method for method in methods if method["id"] != "reauthenticate"]
        site, request = passkey_site(), context.request
        is_here = site is not None and request is not None and site.is_at(request)
        offered = sorted(second or methods, key=lambda method: (method["id"] == _BY_PASSKEY) != is_here)
        return [method | {"description": _METHODS.get(method["id"], "")} for method in offered]

    def get_client_ip(self, request: HttpRequest) -> str:
        """The client's address as our rate limits determine it, so that allauth uses the same."""
        return client_address(request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queues a mail, in the database transaction of the change that it is about."""
        message = self.render_mail(template_prefix, email, mail_context(context, email=email))
        message.valid_for = mail_valid_for(template_prefix)
        message.send()

    def set_password(self, user: User, password: str, *, is_reset: bool = False) -> None:
        """Sets a new password, which also ends what the old one authorised (`password_changed`).

        A reset by mail, for which nobody has entered the old one, reduces for a day what can be spent, and unlocks an
        account that its owner had locked. This browser stays, or becomes, known to the user.
        """
        request: HttpRequest | None = self.request
        user.set_password(password)
        with transaction.atomic():
            # Only this column: `user` was read earlier, and staff may have deactivated the account since.
            user.save(update_fields=["password"])
            kind = SecurityEventKind.PASSWORD_RESET if is_reset else SecurityEventKind.PASSWORD_CHANGED
            security_event_record(user=user, kind=kind)
            if is_reset:
                account_unlock(user=user)
                # Race: a payment with a token locks the token's ceilings, which are deleted here, then the wallet and
                # then the user, which `password_changed` locks. In any other order the two deadlock.
                tokens_revoke_all(user=user)
                user.reduced_limits = limits_reduce(user=user)
            # For the session in which the password is changed, allauth makes a new key.
            spared = None if request is None or is_reset else session_of(request).key_hash
            password_changed(user=user, spared_session=spared)
        if request is not None:
            browser_remember(request, user)

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether this is the user's password. Wrong ones count as guesses."""
        found = password_check(login=user.get_username(), password=password, request=self.request)
        return found is not None and found.pk == user.pk

    def pre_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse | None:
        response: HttpResponse | None = super().pre_login(request, user, **options)
        if response is None:
            request.session[PASSWORD_MARK] = user.get_session_auth_hash()
        return response

    def login(self, request: HttpRequest, user: User) -> None:
        """Signs the user in, unless the account was locked or its password changed since the password was entered:
        entering the second factor may take a while."""
        mark = request.session.pop(PASSWORD_MARK, None)
        if not user.is_active or (mark is not None and not constant_time_compare(mark, user.get_session_auth_hash())):
            raise ImmediateHttpResponse(redirect("account_login"))
        super().login(request, user)
        # Signing up is one database transaction, which must not wait for a broker.
        transaction.on_commit(partial(person_warm_up, user.pk), robust=True)

    def post_login(self, request: HttpRequest, user: User, *, signup: bool, **options: Any) -> HttpResponse:
        """Records the sign-in, and tells the owner if it was in a browser that the account does not know."""
        if signup:
            # They have just chosen the password, which is as good as entering it.
            record_authentication(request, user, method="password")
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
