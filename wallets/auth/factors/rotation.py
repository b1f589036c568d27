"""Seals the secrets of all second factors with the newest key."""

from dataclasses import dataclass, field

from allauth.mfa.models import Authenticator
from django.db import transaction

from wallets.auth.factors.secrets import SECRET_FIELDS, FactorUnreadableError, secret_is_current, secret_renew

_BATCH = 200


@dataclass(slots=True)
class Rotated:
    """What became of the secrets."""

    #: They have been sealed with the newest key now.
    renewed: int = 0
    #: They had been before.
    current: int = 0
    #: The ids of the factors that no key opens. They are left as they are.
    unreadable: list[int] = field(default_factory=list)


def factor_secrets_rotate() -> Rotated:
    """Seals every secret that another key has sealed with the newest key.

    Users sign in meanwhile. Each batch is a transaction of its own, so a run that was stopped loses nothing, and the
    next one does what is left.
    """
    rotated, after = Rotated(), 0
    while True:
        with transaction.atomic():
            # Race: a code is used up between the read and the write. With the row locks neither loses what the other
            # wrote.
            batch = list(
                Authenticator.objects.select_for_update()
                .filter(pk__gt=after, type__in=SECRET_FIELDS)
                .order_by("pk")[:_BATCH]
            )
            for factor in batch:
                _rotate(factor, rotated)
        if not batch:
            return rotated
        after = batch[-1].pk


def _rotate(factor: Authenticator, rotated: Rotated) -> None:
    name = SECRET_FIELDS[factor.type]
    stored = factor.data[name]
    if secret_is_current(stored):
        rotated.current += 1
        return
    try:
        renewed = secret_renew(stored, user_id=factor.user_id, kind=factor.type)
    except FactorUnreadableError:
        rotated.unreadable.append(factor.pk)
        return
    Authenticator.objects.filter(pk=factor.pk).update(data={**factor.data, name: renewed})
    rotated.renewed += 1
