"""What every change of a second factor passes through, whoever makes it: allauth's pages, the admin, a command.

It seals the factor's secret before that is stored, records added and removed factors, and asks the owner whether to
keep the API tokens. allauth tells of them after the commit only, when a crash would lose the event, and encrypts
without knowing whose secret it is. So this listens to the model.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models.signals import post_delete, post_save, pre_save

from wallets.auth.factors.secrets import data_seal
from wallets.auth.security_log import security_event_record
from wallets.domain.security import SecurityEventKind
from wallets.tokens.services import tokens_question

#: By whether the factor is a passkey, and whether it was added.
_KINDS = {
    (False, True): SecurityEventKind.FACTOR_ADDED,
    (False, False): SecurityEventKind.FACTOR_REMOVED,
    (True, True): SecurityEventKind.PASSKEY_ADDED,
    (True, False): SecurityEventKind.PASSKEY_REMOVED,
}


def connect() -> None:
    pre_save.connect(_seal, sender=Authenticator, dispatch_uid="wallets.factor_sealed")
    post_save.connect(_saved, sender=Authenticator, dispatch_uid="wallets.factor_saved")
    post_delete.connect(_deleted, sender=Authenticator, dispatch_uid="wallets.factor_deleted")


def _seal(instance: Authenticator, **_: Any) -> None:
    instance.data = data_seal(instance.data, user_id=instance.user_id, kind=instance.type)


def _saved(instance: Authenticator, created: bool, **_: Any) -> None:  # noqa: FBT001 - Django's signature
    if created:
        _changed(instance, is_added=True)


def _deleted(instance: Authenticator, **_: Any) -> None:
    _changed(instance, is_added=False)


def _changed(factor: Authenticator, *, is_added: bool) -> None:
    """A factor was added or removed in the database transaction at hand. Whatever must follow belongs here."""
    if factor.type == Authenticator.Type.RECOVERY_CODES:
        # They are removed with the last factor, and when new ones are made.
        if is_added:
            tokens_question(user=factor.user)
            security_event_record(user=factor.user, kind=SecurityEventKind.RECOVERY_CODES_MADE)
        return
    tokens_question(user=factor.user)
    kind = _KINDS[factor.type == Authenticator.Type.WEBAUTHN, is_added]
    security_event_record(user=factor.user, kind=kind, detail={"factor": factor.type, **factor_named(factor)})


def factor_named(factor: Authenticator) -> dict[str, str]:
    """What tells a passkey from the user's others, for an event. Nothing for other factors."""
    return {"name": factor.wrap().name} if factor.type == Authenticator.Type.WEBAUTHN else {}
