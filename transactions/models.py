"""How money moved: transactions and their entries. Written by `transactions.ledger` alone."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from wallets.domain.limits import MEMO_LENGTH_MAX
from wallets.domain.money import AMOUNT_MAX, AMOUNT_MIN, BALANCE_MAX
from wallets.models import OUTSIDE_IDS_END, User, Wallet
from wallets.node_leases import snowflake_next


class Kind(models.TextChoices):
    """What a transaction is, seen from the wallets: in from outside, out to outside, or between two of them."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"


class Status(models.TextChoices):
    """Posted and failed are final."""

    PENDING = "pending"
    POSTED = "posted"
    FAILED = "failed"


class Transaction(models.Model):
    """One movement of money. `amount` is in minor units; a missing source or destination is the outside world."""

    id = models.BigIntegerField(primary_key=True, default=snowflake_next, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    status = models.CharField(max_length=7, choices=Status.choices)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    source = models.ForeignKey(Wallet, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    destination = models.ForeignKey(Wallet, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    memo = models.CharField(max_length=MEMO_LENGTH_MAX, blank=True, default="")
    initiator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null: none was given
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    failure_code = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        indexes = [
            # Both sides of a transaction, newest first by id (Snowflakes sort by time).
            models.Index(fields=["source", "id"], name="transaction_source"),
            models.Index(fields=["destination", "id"], name="transaction_destination"),
            # For staff who look for a day. A few kilobytes, and next to nothing to keep up, for rows lie in that order.
            BrinIndex(fields=["created_at"], name="transaction_created", autosummarize=True),
        ]
        constraints = [
            # Rule: one idempotency key moves money once, however many requests race.
            # The key stands first, so that staff find a transaction by its key alone.
            models.UniqueConstraint(
                fields=["idempotency_key", "initiator"],
                condition=Q(idempotency_key__isnull=False),
                name="transaction_one_per_idempotency_key",
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=AMOUNT_MIN, amount__lte=AMOUNT_MAX), name="transaction_amount_range"
            ),
            # Rule: a deposit comes from outside, a withdrawal goes there, a transfer joins two different wallets.
            models.CheckConstraint(
                condition=Q(kind=Kind.DEPOSIT, source__isnull=True, destination__isnull=False)
                | Q(kind=Kind.WITHDRAWAL, source__isnull=False, destination__isnull=True)
                | (
                    Q(kind=Kind.TRANSFER, source__isnull=False, destination__isnull=False) & ~Q(source=F("destination"))
                ),
                name="transaction_sides_fit_kind",
            ),
            # Rule: settled means settled, and a failure has a reason.
            models.CheckConstraint(
                condition=Q(status=Status.PENDING, settled_at__isnull=True, failure_code="")
                | Q(status=Status.POSTED, settled_at__isnull=False, failure_code="")
                | (Q(status=Status.FAILED, settled_at__isnull=False) & ~Q(failure_code="")),
                name="transaction_status_fits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Entry(models.Model):
    """One side of a posted transaction: the signed amount, and where it left the wallet.

    `sequence` counts a wallet's entries 1, 2, 3, … without a gap and `balance_after` is the one before plus `amount`;
    an outside wallet, which carries no balance, has neither.
    """

    id = models.BigAutoField(primary_key=True)
    # No foreign keys in the database: the check of the one would be a sixth of a batch's time, that of the other would
    # lock the outside wallet's row for every deposit. The entries' guard (migration 0002) makes both checks without a
    # lock, and neither a transaction nor a wallet is ever deleted.
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
            # Rule: a transaction touches a wallet once.
            models.UniqueConstraint(fields=["transaction", "wallet"], name="entry_one_per_side"),
            models.CheckConstraint(
                condition=Q(wallet__lt=OUTSIDE_IDS_END, sequence__isnull=True, balance_after__isnull=True)
                | Q(
                    # isnull too: a comparison with NULL is neither true nor false, and would let the row through.
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


class Job(models.Model):
    """An accepted transfer on its way to settlement; gone once it is settled.

    This table is the queue of asynchronous transfers: whatever else is lost, a row here is found and settled. `id` is
    the order of acceptance, and a wallet's transfers settle in that order. `partition` follows from the source wallet,
    and only divides the work.
    """

    id = models.BigAutoField(primary_key=True)
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="job")
    partition = models.SmallIntegerField()
    #: The wallet the money comes from, for which no job may overtake another.
    source = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    #: How often settling it met a fault (a refusal is no fault: it settles the transfer as failed).
    attempts = models.SmallIntegerField(default=0, db_default=0)
    #: Not before this time, after a fault; with it the wallet's later jobs wait too.
    not_before = models.DateTimeField(null=True, blank=True)
    #: Since when it lies in the dead letters, waiting for staff.
    dead_at = models.DateTimeField(null=True, blank=True)
    last_fault = models.TextField(blank=True, default="", db_default="")

    class Meta:
        indexes = [
            models.Index(fields=["partition", "id"], condition=Q(dead_at__isnull=True), name="job_queue"),
            models.Index(
                fields=["partition", "source"],
                condition=Q(dead_at__isnull=True, not_before__isnull=False),
                name="job_held_back",
            ),
            models.Index(fields=["dead_at"], condition=Q(dead_at__isnull=False), name="job_dead"),
            # For the sender's pages: what is on its way out of a wallet, however much waits for other wallets.
            models.Index(fields=["source", "id"], name="job_source"),
        ]

    def __str__(self) -> str:
        return f"job of {self.transaction_id}"


class DeadLetter(Job):
    """A job that waits for staff, because it met a fault too often. A name of its own for its desk and permissions."""

    class Meta:
        proxy = True
        # Nobody adds, changes or deletes one: what may be done to it is replaying and failing.
        default_permissions = ("view",)
        permissions = [("settle_dead_letters", "Can replay and fail dead letters")]

    def __str__(self) -> str:
        return f"transfer {self.transaction_id}"


class DeadLetterAction(models.Model):
    """The audit trail of the dead-letter desk: who replayed or failed which transfer, when and why."""

    class Action(models.TextChoices):
        REPLAYED = "replayed"
        FAILED = "failed"

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="dead_letter_actions")
    action = models.CharField(max_length=8, choices=Action.choices)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    note = models.TextField()
    fault = models.TextField()
    attempts = models.SmallIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.action} {self.transaction_id}"


class SettledEvent(models.Model):
    """The outbox: a settled transaction that the world is still to be told of, once for each owned side of it.

    Written by triggers of the database while `manage.py settled_events on` says so, with the money and in the same
    commit; deleted when Kafka has acknowledged the event. `position` is taken under the wallet's lock, so that a
    wallet's events stand in the order of its commits.
    """

    position = models.BigAutoField(primary_key=True)
    # No foreign keys in the database: their checks would cost more than the row. The triggers take both ids from rows
    # that are there, nobody else may insert, and neither transactions nor wallets are ever deleted.
    transaction = models.ForeignKey(
        Transaction, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)

    class Meta:
        # Nobody adds, changes or deletes one by hand.
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.transaction_id} for {self.wallet_id}"
