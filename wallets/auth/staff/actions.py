"""What staff do to other people's accounts. Each action is in the account's security log, with who did it and why."""

from collections.abc import Collection

from allauth.mfa.base.internal.flows import delete_dangling_recovery_codes
from allauth.mfa.models import Authenticator
from django.db import transaction

from wallets.auth.factors.events import factor_named
from wallets.auth.notices import notice_send
from wallets.auth.security_log import security_event_record
from wallets.domain.security import SecurityEventKind
from wallets.models import ApiToken, User
from wallets.services import user_fence
from wallets.sessions.services import browser_sessions_end
from wallets.tokens.services import token_revoke, tokens_revoke_all


def staff_user_changed(*, actor: User, user: User, fields: Collection[str], reason: str) -> None:
    """Records which fields of the account were changed, if any, in the transaction that changes them, and fences it.

    Whoever is deactivated loses all sessions and API tokens for good: activation brings none back.
    """
    detail: dict[str, object] = {"actor": actor.get_username(), "reason": reason, "fields": sorted(fields)}
    if "is_active" in fields:
        detail["is_active"] = user.is_active
    if fields:
        security_event_record(user=user, kind=SecurityEventKind.STAFF_CHANGED, detail=detail)
    if "is_active" in fields:
        # Race: somebody logs in while the account is being deactivated. That session is refused, and activation ends it
        # as well, with those of accounts that an earlier release deactivated.
        browser_sessions_end(user_id=user.pk)
        tokens_revoke_all(user=user)
    user_fence(user_id=user.pk)


def staff_locked_deactivate(*, actor: User, user: User, reason: str) -> None:
    """Turns a lock by the owner into a deactivation by staff, which no password reset undoes."""
    with transaction.atomic():
        if User.objects.filter(pk=user.pk, locked_at__isnull=False).update(locked_at=None):
            staff_user_changed(actor=actor, user=user, fields=["locked_at"], reason=reason)


def staff_token_revoke(*, actor: User, token: ApiToken, reason: str) -> None:
    """Revokes somebody's token."""
    with transaction.atomic():
        detail = {"actor": actor.get_username(), "reason": reason, "name": token.name}
        security_event_record(user=token.user, kind=SecurityEventKind.TOKEN_REVOKED, detail=detail)
        token_revoke(user=token.user, digest=token.digest)


def staff_sessions_end(*, actor: User, user: User, reason: str) -> None:
    """Logs somebody out of all browsers."""
    with transaction.atomic():
        detail = {"actor": actor.get_username(), "reason": reason, "name": "All browsers"}
        security_event_record(user=user, kind=SecurityEventKind.SESSION_ENDED, detail=detail)
        browser_sessions_end(user_id=user.pk)


def staff_factor_remove(*, actor: User, factor: Authenticator, reason: str) -> None:
    """Removes somebody's second factor and, if no other factor is left, the recovery codes. Tells the owner.

    Recovery codes alone would still be what the site asks for before a new factor can be set up.
    """
    with transaction.atomic():
        detail = {
            "actor": actor.get_username(),
            "reason": reason,
            "removed_factor": factor.type,
            **factor_named(factor),
        }
        security_event_record(user=factor.user, kind=SecurityEventKind.STAFF_CHANGED, detail=detail)
        factor.delete()
        delete_dangling_recovery_codes(factor.user)
        notice_send(user=factor.user, name="factor_removed")
