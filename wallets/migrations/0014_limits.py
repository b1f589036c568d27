"""Adds spending limits to wallets. `transactions.0013_limits` has the guards, which read the entries.

They are columns of the wallet, because then the lock of its row protects them. A row that is joined to a locked row
comes from an older snapshot if the lock had to wait. All are NULL in a wallet without limits, which costs it nothing.

The constraints hold for every change at once; `transactions.0013_limits` checks the old rows, in a database transaction
that does not lock the table.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q

LIMITS = ("payment_limit", "day_limit", "next_payment_limit", "next_day_limit", "reduced_day_limit", "step_up_above")
RANGES = Q()
for _name in LIMITS:
    RANGES &= Q(**{f"{_name}__isnull": True}) | Q(**{f"{_name}__gte": 0, f"{_name}__lte": 999_999_999_999_999})

CONSTRAINTS = [
    models.CheckConstraint(condition=RANGES, name="wallet_limits_range"),
    models.CheckConstraint(
        condition=Q(spent__isnull=True, spent_on__isnull=True)
        | Q(spent__isnull=False, spent_on__isnull=False, spent__gte=0, spent__lte=2**53 - 1),
        name="wallet_spent_range",
    ),
    models.CheckConstraint(
        condition=Q(spent_on__isnull=False)
        | Q(
            payment_limit__isnull=True,
            day_limit__isnull=True,
            next_payment_limit__isnull=True,
            next_day_limit__isnull=True,
            next_limits_at__isnull=True,
            reduced_day_limit__isnull=True,
            reduced_until__isnull=True,
        ),
        name="wallet_limits_are_counted",
    ),
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


def _amount() -> models.BigIntegerField:  # type: ignore[type-arg]
    return models.BigIntegerField(null=True, blank=True, editable=False)


def _moment() -> models.DateTimeField:  # type: ignore[type-arg]
    return models.DateTimeField(null=True, blank=True, editable=False)


class Migration(migrations.Migration):
    dependencies = [("wallets", "0013_owners_lock")]

    operations = [
        migrations.AddField("wallet", "payment_limit", _amount()),
        migrations.AddField("wallet", "day_limit", _amount()),
        migrations.AddField("wallet", "next_payment_limit", _amount()),
        migrations.AddField("wallet", "next_day_limit", _amount()),
        migrations.AddField("wallet", "next_limits_at", _moment()),
        migrations.AddField("wallet", "reduced_day_limit", _amount()),
        migrations.AddField("wallet", "reduced_until", _moment()),
        migrations.AddField("wallet", "spent", _amount()),
        migrations.AddField("wallet", "spent_on", models.DateField(null=True, blank=True, editable=False)),
        migrations.AddField("wallet", "step_up_above", _amount()),
        *[AddConstraintNotValid("wallet", constraint) for constraint in CONSTRAINTS],
    ]
