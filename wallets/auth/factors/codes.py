"""Second factors: codes of an authenticator app (TOTP), and recovery codes. Each works once.

What was used is stored with the factor in Postgres, under its row lock. allauth keeps used TOTP codes in the cache
instead, where an outage would refuse right codes and a wipe would accept used ones.
"""

import time
from typing import Any

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.db import transaction
from django.utils import timezone

from wallets.auth.factors.secrets import FactorUnreadableError, secret_open, secret_renew
from wallets.auth.notices import notice_send
from wallets.auth.security_log import security_event_record
from wallets.domain.security import SecurityEventKind
from wallets.models import User

#: The key in a TOTP factor's data: the last step (30 seconds) whose code was used.
_LAST_STEP = "last_step"


def factor_accepting(*, user: User, code: str) -> Authenticator | None:
    """The factor that accepts the code, which is used up by that; None if none does.

    Raises FactorUnreadableError if none of those that can be read accepts it, and one cannot: the code may be right.
    """
    unreadable = None
    # A passkey has no code that could be typed.
    for factor in Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN).order_by("-type"):
        factor.user = user
        accept = _totp_accept if factor.type == Authenticator.Type.TOTP else _recovery_code_accept
        try:
            if accept(factor, code):
                return factor
        except FactorUnreadableError as error:
            unreadable = error
    if unreadable is not None:
        raise unreadable
    return None


def totp_step(*, secret: str, code: str) -> int | None:
    """The step whose code this is: the current one or the one before. None if it is neither's.

    The step before is accepted because typing takes time and clocks differ (RFC 6238, 5.2).
    """
    current = int(time.time()) // int(app_settings.TOTP_PERIOD)
    for step in (current, current - 1):
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, step))):
            return step
    return None


def _totp_accept(factor: Authenticator, code: str) -> bool:
    with transaction.atomic():
        # Race: two sign-ins with the same code. With the row lock the second one finds its step used.
        data = _data_locked(factor)
        secret = secret_open(data["secret"], user_id=factor.user_id, kind=factor.type)
        step = totp_step(secret=secret, code=code)
        # No step before a used one either: nobody types codes in reverse, but somebody may have noted an older one.
        if step is None or step <= data.get(_LAST_STEP, 0):
            return False
        sealed = secret_renew(data["secret"], user_id=factor.user_id, kind=factor.type)
        _data_write(factor, {**data, "secret": sealed, _LAST_STEP: step})
    return True


def _recovery_code_accept(factor: Authenticator, code: str) -> bool:
    with transaction.atomic():
        # Race: two sign-ins with the same code. With the row lock the second one finds it used.
        data = _data_locked(factor)
        seed = secret_open(data["seed"], user_id=factor.user_id, kind=factor.type)
        codes = RecoveryCodes(Authenticator(data={**data, "seed": seed})).generate_codes()
        unused = {index: each for index, each in enumerate(codes) if not data["used_mask"] >> index & 1}
        found = next((index for index, each in unused.items() if compare_user_code(actual=code, expected=each)), None)
        if found is None:
            return False
        sealed = secret_renew(data["seed"], user_id=factor.user_id, kind=factor.type)
        _data_write(factor, {**data, "seed": sealed, "used_mask": data["used_mask"] | 1 << found})
        left = len(unused) - 1
        security_event_record(user=factor.user, kind=SecurityEventKind.RECOVERY_CODE_USED, detail={"left": left})
        notice_send(user=factor.user, name="recovery_code_used", left=left)
    return True


def _data_locked(factor: Authenticator) -> dict[str, Any]:
    data: dict[str, Any] = (
        Authenticator.objects.select_for_update().filter(pk=factor.pk).values_list("data", flat=True).get()
    )
    return data


def _data_write(factor: Authenticator, data: dict[str, Any]) -> None:
    Authenticator.objects.filter(pk=factor.pk).update(data=data, last_used_at=timezone.now())
