"""Changes of spending limits by their owner: recorded in the security log, and told by mail."""

from typing import Any

from django.db import transaction

from wallets.auth.notices import notice_send
from wallets.auth.security_log import security_event_record
from wallets.domain.money import amount_format
from wallets.domain.security import SecurityEventKind
from wallets.gateway import wallet_gateway
from wallets.models import User
from wallets.spending import LimitsView

# If the wallet service keeps the books, it has changed the limits before event and mail are committed here. If this
# process dies in between, a change goes unrecorded; a raise still takes a day and is visible on the page.


def limits_rise(now: LimitsView, *, per_payment: int | None, per_day: int | None) -> bool:
    """Whether these limits let more leave the wallet than those that count now. What is scheduled already does not."""
    if now.next_at is not None and (per_payment, per_day) == (now.next_per_payment, now.next_per_day):
        return False
    pairs = ((now.per_payment, per_payment), (now.per_day, per_day))
    return any(limit is not None and (wanted is None or wanted > limit) for limit, wanted in pairs)


def limits_change(*, user: User, wallet_id: int, per_payment: int | None, per_day: int | None) -> LimitsView:
    """Sets limits as `wallets.spending.limits_set` does, and tells the owner."""
    with transaction.atomic():
        limits = wallet_gateway().limits_set(owner=user, wallet_id=wallet_id, per_payment=per_payment, per_day=per_day)
        _tell(user, limits)
    return limits


def step_up_change(*, user: User, wallet_id: int, above: int) -> LimitsView:
    """Sets the step-up amount as `wallets.spending.step_up_set` does, and tells the owner."""
    with transaction.atomic():
        limits = wallet_gateway().step_up_set(owner=user, wallet_id=wallet_id, above=above)
        _tell(user, limits)
    return limits


def _tell(user: User, limits: LimitsView) -> None:
    words: dict[str, Any] = {
        "currency": limits.currency,
        "per_payment": _amount(limits.per_payment, limits.currency),
        "per_day": _amount(limits.per_day, limits.currency),
        "step_up_above": _amount(limits.step_up_above, limits.currency),
    }
    if limits.next_at is not None:
        words |= {
            "next_per_payment": _amount(limits.next_per_payment, limits.currency),
            "next_per_day": _amount(limits.next_per_day, limits.currency),
            "next_at": f"{limits.next_at:%Y-%m-%d %H:%M} UTC",
        }
    security_event_record(user=user, kind=SecurityEventKind.LIMITS_CHANGED, detail=words)
    notice_send(user=user, name="limits_changed", **words)


def _amount(amount: int | None, currency: str) -> str:
    return "no limit" if amount is None else amount_format(amount, currency=currency)
