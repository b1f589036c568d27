"""Second factors: codes of an authenticator app (TOTP), and recovery codes. Each works once.

What was used is stored with the factor in Postgres, under its row lock. allauth keeps used TOTP codes in the cache
instead, where an outage would refuse right codes and a wipe would accept used ones.
"""

import time
from typing import Any

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.db import transaction
from django.utils import timezone

from wallets.auth.notices import notice_send
from wallets.auth.security_log import security_event_record
from wallets.domain.security import SecurityEventKind
from wallets.models import User

#: The key in a TOTP factor's data: the last step (30 seconds) whose code was used.
_LAST_STEP = "last_step"


def factor_accepting(*, user: User, code: str) -> Authenticator | None:
    """The factor that accepts the code, which is used up by that; None if none does."""
    # A passkey has no code that could be typed.
    for factor in Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN).order_by("-type"):
        if factor.type == Authenticator.Type.TOTP:
            is_accepted = _totp_accept(factor, code)
        else:
            is_accepted = _recovery_code_accept(factor, user, code)
        if is_accepted:
            return factor
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
        locked = Authenticator.objects.select_for_update().filter(pk=factor.pk)
        data: dict[str, Any] = locked.values_list("data", flat=True).get()
        step = totp_step(secret=decrypt(data["secret"]), code=code)
        # No step before a used one either: nobody types codes in reverse, but somebody may have noted an older one.
        if step is None or step <= data.get(_LAST_STEP, 0):
            return False
        Authenticator.objects.filter(pk=factor.pk).update(data={**data, _LAST_STEP: step}, last_used_at=timezone.now())
    return True


def _recovery_code_accept(factor: Authenticator, user: User, code: str) -> bool:
    with transaction.atomic():
        # allauth locks the row, so of two sign-ins with the same code one succeeds.
        if not factor.wrap().validate_code(code):
            return False
        factor.refresh_from_db()
        factor.record_usage()
        left = len(factor.wrap().get_unused_codes())
        security_event_record(user=user, kind=SecurityEventKind.RECOVERY_CODE_USED, detail={"left": left})
        notice_send(user=user, name="recovery_code_used", left=left)
    return True
