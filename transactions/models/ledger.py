"""The books: transactions and their entries."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from wallets.domain.limits import MEMO_LENGTH_MAX
from wallets.domain.money import AMOUNT_MAX, AMOUNT_MIN, BALANCE_MAX
from wallets.models import OUTSIDE_IDS_END, User, Wallet
from wallets.node_leases import snowflake_next


class Kind(models.TextChoices):
    """A deposit comes from outside, a withdrawal goes outside, a transfer joins two wallets."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"


class Status(models.TextChoices):
    """Pending transactions become posted or failed. Both are final."""

    PENDING = "pending"
    POSTED = "posted"
    FAILED = "failed"


class Transaction(models.Model):
    """One movement of money. `amount` is in minor units. A source or destination of NULL is the outside world."""

    id = models.BigIntegerField(primary_key=True, default=snowflake_next, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    status = models.CharField(max_length=7, choices=Status.choices)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    source = models.ForeignKey(Wallet, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    destination = models.ForeignKey(Wallet, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    memo = models.CharField(max_length=MEMO_LENGTH_MAX, blank=True, default="")
    initiator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - NULL: the request had no key
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    failure_code = models.CharField(max_length=32, blank=True, default="")
    #: Whether an accepted transfer named its recipient by email. Until it is posted, nobody who reads it learns the
    #: username: accepting is free.
    by_email = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes = [
            # For a wallet's transactions, newest first: ids are Snowflakes, which sort by time.
            models.Index(fields=["source", "id"], name="transaction_source"),
            models.Index(fields=["destination", "id"], name="transaction_destination"),
            # For the question whether one user has ever paid another.
            models.Index(fields=["source", "destination"], condition=Q(kind=Kind.TRANSFER), name="transaction_pair"),
            # For staff who search by day. BRIN takes only kilobytes and little work, because rows are stored in order
            # of creation.
            BrinIndex(fields=["created_at"], name="transaction_created", autosummarize=True),
        ]
        constraints = [
            # Rule: an initiator's idempotency key moves money once, even if requests race.
            # The key is the first column, so that staff can find a transaction by its key alone.
            models.UniqueConstraint(
                fields=["idempotency_key", "initiator"],
                condition=Q(idempotency_key__isnull=False),
                name="transaction_one_per_idempotency_key",
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=AMOUNT_MIN, amount__lte=AMOUNT_MAX), name="transaction_amount_range"
            ),
            # Rule: a deposit comes from outside, a withdrawal goes outside, a transfer joins two different wallets.
            models.CheckConstraint(
                condition=Q(kind=Kind.DEPOSIT, source__isnull=True, destination__isnull=False)
                | Q(kind=Kind.WITHDRAWAL, source__isnull=False, destination__isnull=True)
                | (
                    Q(kind=Kind.TRANSFER, source__isnull=False, destination__isnull=False) & ~Q(source=F("destination"))
                ),
                name="transaction_sides_fit_kind",
            ),
            # Rule: exactly the settled transactions have a settlement time, and exactly the failed ones a reason.
            models.CheckConstraint(
                condition=Q(status=Status.PENDING, settled_at__isnull=True, failure_code="")
                | Q(status=Status.POSTED, settled_at__isnull=False, failure_code="")
                | (Q(status=Status.FAILED, settled_at__isnull=False) & ~Q(failure_code="")),
                name="transaction_status_fits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def is_recipient_hidden(self) -> bool:
        return self.by_email and self.status != Status.POSTED


class Entry(models.Model):
    """One side of a posted transaction. `amount` is signed, in minor units.

    `sequence` numbers a wallet's entries 1, 2, 3, … without gaps. `balance_after` is the previous entry's
    plus `amount`. Both are NULL at an outside wallet, which has no running balance.
    """

    id = models.BigAutoField(primary_key=True)
    # No foreign keys in the database. The check of `transaction` would take a sixth of a batch's time, and that of
    # `wallet` would lock the outside wallet's row for every deposit. The guard of migration 0002 checks both without a
    # lock, and neither transactions nor wallets are ever deleted.
    transaction = models.ForeignKey(
        Transaction, on_delete=models.PROTECT, related_name="entries", db_constraint=False, db_index=False
    )
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="entries", db_constraint=False, db_index=False
    )
    sequence = models.BigIntegerField(null=True)
    amount = models.BigIntegerField()
    balance_after = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["wallet", "sequence"], name="entry_one_per_sequence"),
            # Rule: a transaction has at most one entry per wallet.
            models.UniqueConstraint(fields=["transaction", "wallet"], name="entry_one_per_side"),
            # Rule: entries have a sequence and a balance, except those of outside wallets, which have neither.
            models.CheckConstraint(
                condition=Q(wallet__lt=OUTSIDE_IDS_END, sequence__isnull=True, balance_after__isnull=True)
                | Q(
                    # isnull is needed as well: a comparison with NULL is NULL, and a CHECK lets NULL pass.
                    wallet__gte=OUTSIDE_IDS_END,
                    sequence__isnull=False,
                    sequence__gte=1,
                    balance_after__isnull=False,
                    balance_after__gte=0,
                    balance_after__lte=BALANCE_MAX,
                ),
                name="entry_carries_balance_unless_outside",
            ),
            models.CheckConstraint(
                condition=(Q(amount__gte=AMOUNT_MIN, amount__lte=AMOUNT_MAX))
                | Q(amount__gte=-AMOUNT_MAX, amount__lte=-AMOUNT_MIN),
                name="entry_amount_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wallet_id}" if self.sequence is None else f"{self.wallet_id} #{self.sequence}"
