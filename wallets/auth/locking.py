"""Locking an account: its owner's emergency brake.

A locked account is inactive, so nobody signs in, no token or session works, and no money leaves it by a new request.
Its password is gone as well: after the account is unlocked, no old session or password works again. The owner unlocks
it by resetting the password by mail; staff can activate it.
"""

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.core import signing
from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from wallets.auth.notices import notice_send
from wallets.auth.security_log import security_event_record
from wallets.domain.security import SecurityEventKind
from wallets.models import User
from wallets.models.security import SecurityEvent
from wallets.services import user_fence
from wallets.sessions.services import browser_sessions_end
from wallets.tokens.services import tokens_revoke_all

#: How long the link in a mail locks the account.
LINK_AGE_MAX = timedelta(days=7)
#: An address that was changed within this time before a lock does not unlock the account.
EMAIL_TRUSTED_AFTER = timedelta(days=7)
_SALT = "wallets.auth.locking"


def account_lock(*, user_id: int, via: str) -> bool:
    """Locks the account. Returns False if it is locked already, or was deactivated by staff, whom a lock must not
    overrule. `via` says what the owner used: "page" or "link"."""
    with transaction.atomic():
        # The row lock makes a sign-in, a token being issued and a password change either finish before or see this.
        user = User.objects.select_for_update(no_key=True).filter(pk=user_id, is_active=True).first()
        if user is None:
            return False
        user.is_active = False
        user.locked_at = Now()
        user.set_unusable_password()
        user.save(update_fields=["is_active", "locked_at", "password"])
        # Otherwise a thief could still confirm an address of his own, reset the password there and so unlock.
        EmailAddress.objects.filter(user=user, verified=False).exclude(email=user.email).delete()
        security_event_record(user=user, kind=SecurityEventKind.LOCKED, detail={"via": via})
        notice_send(user=user, name="account_locked")
        browser_sessions_end(user_id=user.pk)
        tokens_revoke_all(user=user)
        user_fence(user_id=user.pk)
    return True


def accounts_unlockable(*, email: str) -> list[User]:
    """The locked account with this address, if a mail to it may unlock the account.

    It may not if the address was changed in the week before the lock: it may be a thief's. Then staff must help.
    """
    locked = User.objects.filter(email=email, locked_at__isnull=False)
    return [user for user in locked if not _email_changed_before_lock(user)]


def account_unlock(*, user: User) -> None:
    """Unlocks a locked account, in the transaction that gives it a new password. The caller fences the user."""
    if user.locked_at is None or _email_changed_before_lock(user):
        return
    unlocked = User.objects.filter(pk=user.pk, locked_at__isnull=False).update(locked_at=None, is_active=True)
    if unlocked:
        user.locked_at, user.is_active = None, True
        security_event_record(user=user, kind=SecurityEventKind.UNLOCKED, detail={"via": "password reset"})


def lock_link_make(*, user_id: int) -> str:
    """The secret part of a link that locks the account.

    It is not bound to the password, because it must still work after a thief has changed that. It works until the
    account, once locked, is open again: whoever finds the mail later cannot lock the owner out once more.
    """
    return signing.dumps([user_id, _opened_last(user_id)], salt=_SALT)


def lock_link_read(key: str) -> int | None:
    """The id of the account that this link locks. None if it is not ours or too old, or if the account has been
    unlocked or activated since."""
    try:
        user_id, opened_last = signing.loads(key, salt=_SALT, max_age=LINK_AGE_MAX)
    except (signing.BadSignature, TypeError):
        return None
    return int(user_id) if opened_last == _opened_last(user_id) else None


def account_is_locked(*, user_id: int) -> bool:
    return User.objects.filter(pk=user_id, locked_at__isnull=False).exists()


def _opened_last(user_id: int) -> int:
    """The id of the event by which the account was last unlocked or activated; 0 if there is none. By ids and not by
    times, because a mail and the event that it is about may be of the same moment."""
    by_staff = Q(kind=SecurityEventKind.STAFF_CHANGED, detail__is_active=True)
    events = SecurityEvent.objects.filter(Q(kind=SecurityEventKind.UNLOCKED) | by_staff, user=user_id)
    last: int = events.aggregate(last=Max("id", default=0))["last"]
    return last


def _email_changed_before_lock(user: User) -> bool:
    changes = SecurityEvent.objects.filter(user=user, kind=SecurityEventKind.EMAIL_CHANGED)
    return user.locked_at is not None and changes.filter(at__gt=user.locked_at - EMAIL_TRUSTED_AFTER).exists()
