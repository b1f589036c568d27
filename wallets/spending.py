"""Spending limits of wallets: services that change them, and what their owner sees of them.

The rules are in `wallets.domain.spending`; the ledger applies them to payments. Postgres enforces them a second time:
no limit rises at once, whatever code changes it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.money import amount_format
from wallets.domain.spending import LIMIT_MAX, RAISE_DELAY, Spending
from wallets.models import User, Wallet

_ALLOWED = f"Must be null or an amount from 0 to {LIMIT_MAX}."


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsView:
    """What the owner of a wallet sees of its limits, in minor units; None: no limit.

    `per_payment` and `per_day` are the limits that the owner has set and that count now. `reduced_per_day` counts as
    well until `reduced_until`, if that is set. If `next_at` is set, the `next_…` limits replace the owner's then.
    `left_today` is what may still be spent before `renews_at`. In a browser, payments above `step_up_above` need
    step-up authentication.
    """

    wallet_id: int
    currency: str
    status: str
    per_payment: int | None
    per_day: int | None
    next_per_payment: int | None
    next_per_day: int | None
    next_at: datetime | None
    reduced_per_day: int | None
    reduced_until: datetime | None
    spent_today: int
    left_today: int | None
    renews_at: datetime
    step_up_above: int

    def to_json(self) -> dict[str, Any]:
        """For a message between processes; `from_json` reads it."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "LimitsView":
        moments = {name: datetime.fromisoformat(fields[name]) for name in _MOMENTS if fields[name] is not None}
        return cls(**{**fields, **moments})


_MOMENTS = ("next_at", "reduced_until", "renews_at")


def limits_list(*, owner: User) -> list[LimitsView]:
    """The limits of a user's wallets, oldest wallet first."""
    return [_view(wallet) for wallet in Wallet.objects.filter(owner=owner).order_by("created_at", "id")]


def limits_set(*, owner: User, wallet_id: int, per_payment: int | None, per_day: int | None) -> LimitsView:
    """Sets how much may leave a wallet with one payment and per day; None: any amount.

    What is lower than now counts at once. What is higher counts in a day, by the database's clock; setting it again
    does not prolong that, and setting what counts now cancels it. Raises NOT_FOUND and MALFORMED.
    """
    wanted = (per_payment, per_day)
    for name, amount in zip(("per_payment", "per_day"), wanted, strict=True):
        if amount is not None and not 0 <= amount <= LIMIT_MAX:
            raise WalletError(ErrorCode.MALFORMED, _ALLOWED, fields={name: [_ALLOWED]})
    with transaction.atomic():
        # Race: two changes decide on the same limits, or a payment is counted between the read and the write.
        wallet = _locked(owner, wallet_id)
        spending = wallet.spending or Spending()
        now = wallet.read_at
        counting = (spending.per_payment_at(now), spending.own_per_day_at(now))
        at_once = (_lower(counting[0], per_payment), _lower(counting[1], per_day))
        later: dict[str, Any] = {"next_payment_limit": None, "next_day_limit": None, "next_limits_at": None}
        if at_once != wanted:
            is_decided = spending.has_raise_at(now) and (spending.next_per_payment, spending.next_per_day) == wanted
            at = spending.next_at if is_decided else Now() + RAISE_DELAY
            later = {"next_payment_limit": per_payment, "next_day_limit": per_day, "next_limits_at": at}
        if wallet.spending is not None or at_once != (None, None):
            Wallet.objects.filter(id=wallet_id).update(payment_limit=at_once[0], day_limit=at_once[1], **later)
        return _view(Wallet.objects.get(id=wallet_id))


def step_up_set(*, owner: User, wallet_id: int, above: int) -> LimitsView:
    """Sets above which amount payments in a browser need step-up authentication. Whoever calls this for a higher amount
    has asked for step-up authentication before. Raises NOT_FOUND and MALFORMED."""
    if not 0 <= above <= LIMIT_MAX:
        raise WalletError(ErrorCode.MALFORMED, _ALLOWED, fields={"step_up_above": [_ALLOWED]})
    with transaction.atomic():
        _locked(owner, wallet_id)
        Wallet.objects.filter(id=wallet_id).update(step_up_above=above)
        return _view(Wallet.objects.get(id=wallet_id))


def limits_reduce(*, user: User) -> list[str]:
    """For a day, lets no more leave each of the user's wallets than RESET_DAY_LIMITS. Returns these amounts as text,
    one per wallet. Call it in the database transaction that resets the password, before the user is fenced.

    A function of the database does it, because a web process without books has no rights on wallets.
    """
    amounts: Mapping[str, int] = settings.RESET_DAY_LIMITS
    with connection.cursor() as cursor:
        cursor.execute("SELECT wallet_limits_reduce(%s, %s::jsonb)", [user.pk, json.dumps(dict(amounts))])
        (currencies,) = cursor.fetchone()
    return [amount_format(amounts[currency], currency=currency) for currency in currencies]


def step_up_amount(*, above: int | None, currency: str) -> int:
    """Above which amount payments need step-up authentication, if its owner has chosen `above`, or nothing."""
    return int(settings.STEP_UP_AMOUNTS[currency]) if above is None else above


def _locked(owner: User, wallet_id: int) -> Any:
    locked = Wallet.objects.select_for_update(no_key=True).annotate(read_at=Now())
    wallet = locked.filter(owner=owner, id=wallet_id).first()
    if wallet is None:
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such wallet.")
    return wallet


def _lower(first: int | None, second: int | None) -> int | None:
    return min((limit for limit in (first, second) if limit is not None), default=None)


def _view(wallet: Wallet) -> LimitsView:
    now = timezone.now()
    spending = wallet.spending or Spending()
    is_reduced, has_raise = spending.is_reduced_at(now), spending.has_raise_at(now)
    return LimitsView(
        wallet_id=wallet.pk,
        currency=wallet.currency,
        status=wallet.status,
        per_payment=spending.per_payment_at(now),
        per_day=spending.own_per_day_at(now),
        next_per_payment=spending.next_per_payment if has_raise else None,
        next_per_day=spending.next_per_day if has_raise else None,
        next_at=spending.next_at if has_raise else None,
        reduced_per_day=spending.reduced_per_day if is_reduced else None,
        reduced_until=spending.reduced_until if is_reduced else None,
        spent_today=spending.spent_at(now),
        left_today=spending.left_at(now),
        renews_at=spending.renews_at(now),
        step_up_above=step_up_amount(above=wallet.step_up_above, currency=wallet.currency),
    )
