"""The queue: accepted transfers that await settlement, and what staff decided about those that were given up."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from transactions.models.ledger import Transaction
from wallets.models import User, Wallet


class Job(models.Model):
    """An accepted transfer that awaits settlement. Settling deletes its job.

    This table is the only queue of asynchronous transfers. Every row in it is found and settled, even if Redis, Kafka
    or the broker lose everything. `id` gives the order of acceptance, and the jobs of a source wallet settle in that
    order. `partition` is derived from the source wallet and only divides the work.
    """

    id = models.BigAutoField(primary_key=True)
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="job")
    partition = models.SmallIntegerField()
    #: The wallet that the money comes from. No job overtakes another of the same source wallet.
    source = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    #: How many attempts ended in a fault. A refusal is not a fault: it settles the transfer as failed.
    attempts = models.SmallIntegerField(default=0, db_default=0)
    #: After a fault, the time of the next attempt. Later jobs of the same source wallet wait for it.
    not_before = models.DateTimeField(null=True, blank=True)
    #: When the job was given up and became a dead letter, which staff decide on.
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
            # For the sender's pages: a wallet's pending transfers, however many jobs other wallets have.
            models.Index(fields=["source", "id"], name="job_source"),
        ]

    def __str__(self) -> str:
        return f"job of {self.transaction_id}"


class DeadLetter(Job):
    """A job that was given up after its last attempt, and waits for staff.

    A proxy of `Job`, so that dead letters have admin pages and permissions of their own.
    """

    class Meta:
        proxy = True
        # Staff may replay or fail a dead letter. Nobody adds, changes or deletes one.
        default_permissions = ("view",)
        permissions = [("settle_dead_letters", "Can replay and fail dead letters")]

    def __str__(self) -> str:
        return f"transfer {self.transaction_id}"


class DeadLetterAction(models.Model):
    """The audit trail of dead letters: who replayed or failed which transfer, when and why.

    `actor` is NULL if nobody knows who did it.
    """

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
