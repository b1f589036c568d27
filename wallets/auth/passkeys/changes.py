"""Adding, renaming and removing passkeys. Their events are recorded in `wallets.auth.factors.events`."""

from typing import Any

from allauth.mfa.base.internal.flows import delete_and_cleanup
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.flows import auto_generate_recovery_codes
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth import HASH_SESSION_KEY
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from wallets.auth.notices import notice_send
from wallets.auth.passkeys.checks import PASSKEYS_MAX, PasskeyRefusedError, passkey_data
from wallets.auth.security_log import security_event_record
from wallets.domain.security import SecurityEventKind
from wallets.models import User


def passkeys_exist(*, user: User) -> bool:
    return bool(is_mfa_enabled(user, [Authenticator.Type.WEBAUTHN]))


def passkeys_are_full(*, user: User) -> bool:
    count: int = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).count()
    return count >= PASSKEYS_MAX


def passkey_add(*, request: HttpRequest, user: User, name: str, credential: dict[str, Any]) -> bool:
    """Adds a passkey that was checked by `passkey_registered`. Returns whether the user got recovery codes with it,
    because it is the first factor. Raises PasskeyRefusedError if there are too many, or the session has ended."""
    with transaction.atomic():
        # Races: several are added at once, and the password changes meanwhile. The lock lets one after the other in,
        # and who was in with the old password does not add a passkey that works with the new one.
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        entered = request.session.get(HASH_SESSION_KEY, "")
        if not locked.is_active or not constant_time_compare(entered, locked.get_session_auth_hash()):
            raise PasskeyRefusedError("session ended")
        if passkeys_are_full(user=user):
            raise PasskeyRefusedError("full")
        data = passkey_data(user=locked, name=name, credential=credential)
        Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data=data)
        notice_send(user=user, name="passkey_added", passkey=name)
        return auto_generate_recovery_codes(request) is not None


def passkey_rename(*, factor: Authenticator, name: str) -> None:
    """Gives a passkey another name."""
    with transaction.atomic():
        # Race: the passkey is used meanwhile. With the row lock neither loses what the other wrote.
        locked = Authenticator.objects.select_for_update().filter(pk=factor.pk).first()
        if locked is None or locked.data["name"] == name:
            return
        detail = {"name": name, "old_name": locked.data["name"]}
        Authenticator.objects.filter(pk=factor.pk).update(data={**locked.data, "name": name})
        security_event_record(user=factor.user, kind=SecurityEventKind.PASSKEY_RENAMED, detail=detail)


def passkey_remove(*, request: HttpRequest, factor: Authenticator) -> None:
    """Removes a passkey and, if no other factor is left, the recovery codes."""
    with transaction.atomic():
        name = factor.data["name"]
        delete_and_cleanup(request, factor)
        notice_send(user=factor.user, name="passkey_removed", passkey=name)
