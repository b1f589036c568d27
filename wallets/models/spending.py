"""The columns of a wallet about spending. The rules are in `wallets.domain.spending`, guards in the migrations."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import models
from django.db.models import Func, JSONField, Q

from wallets.domain.spending import LIMIT_MAX, SPENT_MAX, Spending

_LIMITS = ("payment_limit", "day_limit", "next_payment_limit", "next_day_limit", "reduced_day_limit", "step_up_above")


class SpendingColumns(models.Model):
    """Limits and what was spent, in minor units. They are columns of the wallet, and not a table of their own, because
    then the lock of the wallet's row protects them."""

    payment_limit = models.BigIntegerField(null=True, blank=True, editable=False)
    day_limit = models.BigIntegerField(null=True, blank=True, editable=False)
    #: What replaces the two from `next_limits_at` on.
    next_payment_limit = models.BigIntegerField(null=True, blank=True, editable=False)
    next_day_limit = models.BigIntegerField(null=True, blank=True, editable=False)
    next_limits_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: At most this per day, until `reduced_until`.
    reduced_day_limit = models.BigIntegerField(null=True, blank=True, editable=False)
    reduced_until = models.DateTimeField(null=True, blank=True, editable=False)
    #: What was spent on the day `spent_on` (UTC). NULL in a wallet that never had limits: nobody counts there.
    spent = models.BigIntegerField(null=True, blank=True, editable=False)
    spent_on = models.DateField(null=True, blank=True, editable=False)
    #: In a browser, larger payments need step-up authentication. NULL: the default of the currency.
    step_up_above = models.BigIntegerField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def spending(self) -> Spending | None:
        """The limits and what was spent; None for a wallet that never had limits."""
        if self.spent_on is None:
            return None
        return Spending(
            per_payment=self.payment_limit,
            per_day=self.day_limit,
            next_per_payment=self.next_payment_limit,
            next_per_day=self.next_day_limit,
            next_at=self.next_limits_at,
            reduced_per_day=self.reduced_day_limit,
            reduced_until=self.reduced_until,
            spent=self.spent or 0,
            spent_on=self.spent_on,
        )


def _ranges() -> Q:
    ranges = Q()
    for name in _LIMITS:
        ranges &= Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gte": 0, f"{name}__lte": LIMIT_MAX})
    return ranges


_NO_LIMITS = dict.fromkeys(
    [
        "payment_limit__isnull",
        "day_limit__isnull",
        "next_payment_limit__isnull",
        "next_day_limit__isnull",
        "next_limits_at__isnull",
        "reduced_day_limit__isnull",
        "reduced_until__isnull",
    ],
    True,
)
SPENDING_CONSTRAINTS = [
    # Rule: a limit is an amount, or 0.
    models.CheckConstraint(condition=_ranges(), name="wallet_limits_range"),
    models.CheckConstraint(
        condition=Q(spent__isnull=True, spent_on__isnull=True)
        | Q(spent__isnull=False, spent_on__isnull=False, spent__gte=0, spent__lte=SPENT_MAX),
        name="wallet_spent_range",
    ),
    # Rule: whoever has limits is counted.
    models.CheckConstraint(condition=Q(spent_on__isnull=False) | Q(**_NO_LIMITS), name="wallet_limits_are_counted"),
    models.CheckConstraint(
        condition=Q(next_limits_at__isnull=False) | Q(next_payment_limit__isnull=True, next_day_limit__isnull=True),
        name="wallet_next_limits_have_a_time",
    ),
    models.CheckConstraint(
        condition=Q(reduced_until__isnull=True, reduced_day_limit__isnull=True)
        | Q(reduced_until__isnull=False, reduced_day_limit__isnull=False),
        name="wallet_reduction_has_an_end",
    ),
]

#: All of it as one value, for reads that take a wallet apart themselves: NULL, four bytes, for a wallet without limits.
SPENDING_VALUE = Func(
    template='CASE WHEN "wallets_wallet".spent_on IS NOT NULL THEN row_to_json("wallets_wallet") END',
    output_field=JSONField(),
)
#: The same as SQL, for a wallet that is called `w`.
SPENDING_SQL = "CASE WHEN w.spent_on IS NOT NULL THEN row_to_json(w) END"


def spending_parse(row: Mapping[str, Any] | None) -> Spending | None:
    """What SPENDING_VALUE and SPENDING_SQL read."""
    if row is None:
        return None
    return Spending(
        per_payment=row["payment_limit"],
        per_day=row["day_limit"],
        next_per_payment=row["next_payment_limit"],
        next_per_day=row["next_day_limit"],
        next_at=_moment(row["next_limits_at"]),
        reduced_per_day=row["reduced_day_limit"],
        reduced_until=_moment(row["reduced_until"]),
        spent=row["spent"],
        spent_on=date.fromisoformat(row["spent_on"]),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
