"""Wallets, and the trail of who froze, reopened or closed one."""

from typing import ClassVar

import pghistory
import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from wallets.domain.currencies import CURRENCIES
from wallets.domain.money import BALANCE_MAX
from wallets.models.people import User
from wallets.models.spending import SPENDING_CONSTRAINTS, SpendingColumns
from wallets.node_leases import snowflake_next

#: Ids below this belong to the outside wallets: their id is the currency's ISO 4217 numeric code.
OUTSIDE_IDS_END = 1_000


class WalletStatus(models.TextChoices):
    """Only an open wallet moves money."""

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"


class Wallet(SpendingColumns):  # type: ignore[django-manager-missing]  # of an event model built at run time
    """One user's money in one currency; or an outside wallet, the outside world's side of a currency, without an owner.

    `balance` is in minor units, and `version` counts the wallet's entries. Only the ledger changes them, and the
    database refuses a change without its entries. An outside wallet keeps both at 0: it is never updated and so never
    locked, however many deposits run at the same time.
    """

    id = models.BigIntegerField(primary_key=True, default=snowflake_next, editable=False)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="wallets", null=True, blank=True)
    currency = models.CharField(max_length=3, choices=[(code, code) for code in CURRENCIES])
    status = models.CharField(max_length=6, choices=WalletStatus.choices, default=WalletStatus.OPEN)
    balance = models.BigIntegerField(default=0, db_default=0)
    version = models.BigIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    #: When the last entry was written. It never goes back, so that a wallet's entries are in order of time as well.
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        permissions = [("freeze_wallet", "Can freeze, reopen and close wallets")]
        constraints = [
            # Rule: one wallet per user and currency.
            models.UniqueConstraint(fields=["owner", "currency"], name="wallet_one_per_owner_and_currency"),
            # Rule: one outside wallet per currency, and its id is in a range of its own.
            models.UniqueConstraint(
                fields=["currency"], condition=Q(owner__isnull=True), name="wallet_one_outside_per_currency"
            ),
            models.CheckConstraint(
                condition=Q(owner__isnull=True, id__gt=0, id__lt=OUTSIDE_IDS_END)
                | Q(owner__isnull=False, id__gte=OUTSIDE_IDS_END),
                name="wallet_id_tells_outside",
            ),
            # Rule: an outside wallet has no running balance and cannot be frozen.
            models.CheckConstraint(
                condition=Q(owner__isnull=False) | Q(balance=0, version=0, status=WalletStatus.OPEN),
                name="wallet_outside_carries_nothing",
            ),
            # Rule: a balance is never negative, and never so large that JSON parsers round it.
            models.CheckConstraint(condition=Q(balance__gte=0, balance__lte=BALANCE_MAX), name="wallet_balance_range"),
            models.CheckConstraint(condition=Q(version__gte=0), name="wallet_version_range"),
            models.CheckConstraint(condition=Q(status__in=WalletStatus.values), name="wallet_status_known"),
            models.CheckConstraint(condition=Q(currency__in=list(CURRENCIES)), name="wallet_currency_known"),
            # Rule: a wallet with money in it cannot be closed.
            models.CheckConstraint(
                condition=~Q(status=WalletStatus.CLOSED) | Q(balance=0), name="wallet_closed_is_empty"
            ),
            *SPENDING_CONSTRAINTS,
        ]

    def __str__(self) -> str:
        return f"{self.owner or 'outside'} {self.currency}"

    @property
    def is_outside(self) -> bool:
        return self.id < OUTSIDE_IDS_END


class WalletStatusEvent(
    pghistory.create_event_model(  # type: ignore[misc]  # the library builds the base class
        Wallet,
        pghistory.UpdateEvent("status_changed", condition=pgtrigger.AnyChange("status")),
        fields=["status"],
        append_only=True,
        context_field=pghistory.ContextJSONField(),
        obj_field=pghistory.ObjForeignKey(related_name="status_events", on_delete=models.PROTECT, db_constraint=False),
        # Set here, because a Meta in the class itself would drop the triggers that make it append-only.
        meta={"ordering": ["pgh_id"], "verbose_name": "status change"},
    )
):
    """The audit trail of freezing, reopening and closing: the new status, when, and as context who and why.

    A trigger writes it, so changes made with psql are recorded as well (without context).
    """

    objects: ClassVar[models.Manager["WalletStatusEvent"]] = models.Manager()

    def __str__(self) -> str:
        return f"{self.pgh_obj_id} {self.status}"
