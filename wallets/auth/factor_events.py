"""What every change of a second factor passes through, whoever makes it: allauth's pages, the admin, a command.

It seals the factor's secret before that is stored, and records added and removed factors. allauth tells of them after
the commit only, when a crash would lose the event, and encrypts without knowing whose secret it is. So this listens to
the model.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models.signals import post_delete, post_save, pre_save

from wallets.auth.factor_secrets import data_seal
from wallets.auth.security_log import security_event_record
from wallets.domain.security import SecurityEventKind


def connect() -> None:
    pre_save.connect(_seal, sender=Authenticator, dispatch_uid="wallets.factor_sealed")
    post_save.connect(_saved, sender=Authenticator, dispatch_uid="wallets.factor_saved")
    post_delete.connect(_deleted, sender=Authenticator, dispatch_uid="wallets.factor_deleted")


def _seal(instance: Authenticator, **_: Any) -> None:
    instance.data = data_seal(instance.data, user_id=instance.user_id, kind=instance.type)


def _saved(instance: Authenticator, created: bool, **_: Any) -> None:  # noqa: FBT001 - Django's signature
    if not created:
        return
    if instance.type == Authenticator.Type.RECOVERY_CODES:
        security_event_record(user=instance.user, kind=SecurityEventKind.RECOVERY_CODES_MADE)
        return
    detail = {"factor": instance.type}
    security_event_record(user=instance.user, kind=SecurityEventKind.FACTOR_ADDED, detail=detail)


def _deleted(instance: Authenticator, **_: Any) -> None:
    # Recovery codes go with the last factor, and when new ones are made.
    if instance.type != Authenticator.Type.RECOVERY_CODES:
        detail = {"factor": instance.type}
        security_event_record(user=instance.user, kind=SecurityEventKind.FACTOR_REMOVED, detail=detail)
