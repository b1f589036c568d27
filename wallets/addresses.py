"""Email addresses: asking for one, confirming it, and undoing a change. Entry points send the mails.

A *pending* address is an allauth `EmailAddress` that is not verified. Its links are signatures of the row's id, which
is never used again: so a link works only as long as the state in which it was requested. No row contains a link.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.utils import timezone

from kit.db.errors import constraint_violated
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import EmailChange, User
from wallets.services import password_changed
from wallets.tokens.services import tokens_question, tokens_revoke_all

#: How long a change of a confirmed address can be undone.
UNDO_FOR = timedelta(days=3)
#: The indexes that let one account confirm an address.
_ONE_PER_ADDRESS = {"unique_verified_email", "wallets_user_email_key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """A confirmed address. If it replaced another one, `old_email` is that one and `undo_key` undoes the change."""

    user: User
    email: str
    old_email: str | None = None
    undo_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """A change that was undone: the user has `old_email` again, and no password. `new_email` is what the user had
    before, if anything."""

    user: User
    old_email: str
    new_email: str | None


def address_request(*, user: User, email: str) -> EmailAddress:
    """Makes this canonical address the user's pending one, in place of an earlier one.

    It does so whether or not another account uses the address, so that nobody learns who has an account. Raises
    NOT_AUTHENTICATED if the account was deactivated, or its password changed, since `user` signed in.
    """
    with transaction.atomic():
        # Race: a password change, which cancels pending addresses, misses this one. With this lock either the change
        # waits for this commit and finds it, or this call sees that `user` signed in with the old password.
        account = _locked(user.pk)
        if not account.is_active or account.get_session_auth_hash() != user.get_session_auth_hash():
            raise WalletError(ErrorCode.NOT_AUTHENTICATED, "The account was deactivated, or its password was changed.")
        EmailAddress.objects.filter(user=account, verified=False).delete()
        return EmailAddress.objects.create(user=account, email=email)


def address_confirm(*, address: EmailAddress) -> Confirmed | None:
    """Makes a pending address the user's confirmed one; call it for somebody who has followed a valid link. None if the
    address is no longer pending, or another account has confirmed it first."""
    try:
        with transaction.atomic():
            # Race: a password change cancels this address at the same moment. Both lock the user first: either the
            # change comes later, or this finds that the address is gone.
            user = _locked(address.user_id)
            if not user.is_active or not EmailAddress.objects.filter(pk=address.pk, verified=False).exists():
                return None
            old_email = user.email
            EmailAddress.objects.filter(user=user).exclude(pk=address.pk).delete()
            # Race: another account confirms the same address. The index on verified addresses lets one of them in.
            EmailAddress.objects.filter(pk=address.pk).update(verified=True, primary=True)
            User.objects.filter(pk=user.pk).update(email=address.email)
            user.email = address.email
            undo_key = _undo_key(user, old_email) if old_email is not None else ""
            if old_email is not None:
                tokens_question(user=user)
    except IntegrityError as error:
        if constraint_violated(error) not in _ONE_PER_ADDRESS:
            raise
        return None
    return Confirmed(user=user, email=address.email, old_email=old_email, undo_key=undo_key)


def change_undoable(*, key: str) -> EmailChange | None:
    """The change of address that this key can undo; None if there is none, any more."""
    since = timezone.now() - UNDO_FOR
    return EmailChange.objects.filter(key_hash=_hashed(key), created_at__gt=since).select_related("user").first()


def change_undo(*, key: str) -> Undone | None:
    """Gives the user the old address back. None if the key undoes nothing, any more.

    Whoever changed the address may know the password. So this also ends all sessions and tokens and leaves the account
    without a password: the caller lets the user, who holds the old address, choose a new one. Second factors stay,
    because otherwise an old mailbox in wrong hands would be enough to take over the account.
    """
    change = change_undoable(key=key)
    if change is None:
        return None
    try:
        with transaction.atomic():
            user = _locked(change.user_id)
            # Race: the key is used twice. The second call waited for the lock, and finds nothing to delete.
            if not EmailChange.objects.filter(pk=change.pk).exists():
                return None
            # Race: a payment with a token locks the token's ceilings, which are deleted here, then the user, whom a new
            # email locks. In the other order the two deadlock.
            tokens_revoke_all(user=user)
            # Later changes were made from an address that is not the user's.
            EmailChange.objects.filter(user=user, pk__gte=change.pk).delete()
            EmailAddress.objects.filter(user=user).delete()
            EmailAddress.objects.create(user=user, email=change.old_email, verified=True, primary=True)
            undone = Undone(user=user, old_email=change.old_email, new_email=user.email)
            user.email = change.old_email
            user.set_unusable_password()
            user.save(update_fields=["email", "password"])
            password_changed(user=user)
    except IntegrityError as error:
        if constraint_violated(error) not in _ONE_PER_ADDRESS:
            raise
        # Another account has confirmed the old address since.
        return None
    return undone


def addresses_delete_expired() -> None:
    """Deletes records of changes that can no longer be undone."""
    EmailChange.objects.filter(created_at__lte=timezone.now() - UNDO_FOR).delete()


def _locked(user_id: int) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=user_id)


def _undo_key(user: User, old_email: str) -> str:
    key = secrets.token_urlsafe(32)
    EmailChange.objects.create(user=user, old_email=old_email, key_hash=_hashed(key))
    return key


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
