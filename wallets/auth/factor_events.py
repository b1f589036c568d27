"""Records added and removed second factors, whoever adds or removes them: allauth's pages, the admin, a command.

allauth tells of them after the commit only, when a crash would lose the event. So this listens to the model. The owner
is also asked whether to keep the API tokens.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models.signals import post_delete, post_save

from wallets.auth.security_log import security_event_record
from wallets.domain.security import SecurityEventKind
from wallets.token_services import tokens_question


def connect() -> None:
    post_save.connect(_saved, sender=Authenticator, dispatch_uid="wallets.factor_saved")
    post_delete.connect(_deleted, sender=Authenticator, dispatch_uid="wallets.factor_deleted")


def _saved(instance: Authenticator, created: bool, **_: Any) -> None:  # noqa: FBT001 - Django's signature
    if not created:
        return
    tokens_question(user=instance.user)
    if instance.type == Authenticator.Type.RECOVERY_CODES:
        security_event_record(user=instance.user, kind=SecurityEventKind.RECOVERY_CODES_MADE)
        return
    detail = {"factor": instance.type}
    security_event_record(user=instance.user, kind=SecurityEventKind.FACTOR_ADDED, detail=detail)


def _deleted(instance: Authenticator, **_: Any) -> None:
    # Recovery codes go with the last factor, and when new ones are made.
    if instance.type != Authenticator.Type.RECOVERY_CODES:
        tokens_question(user=instance.user)
        detail = {"factor": instance.type}
        security_event_record(user=instance.user, kind=SecurityEventKind.FACTOR_REMOVED, detail=detail)
