"""How money enters and leaves: what becomes of withdrawals outside, and deposits that two members of staff make."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from transactions.models.ledger import Transaction
from wallets.domain.limits import MEMO_LENGTH_MAX
from wallets.domain.money import AMOUNT_MAX, AMOUNT_MIN
from wallets.models import User, Wallet

#: The longest reason that staff or the provider give, and the longest reference of a bank, in characters.
REASON_LENGTH_MAX = 500
REFERENCE_LENGTH_MAX = 120


class Payout(models.Model):
    """The outside half of a withdrawal: whether the money has reached its owner.

    A withdrawal posts at once. In the same commit a database trigger writes its pay-out, which is open until staff or
    the payment provider confirm it. A pay-out that did not arrive is returned, even after it was confirmed: a deposit
    of the same amount into the same wallet, linked here.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        CONFIRMED = "confirmed"
        RETURNED = "returned"

    withdrawal = models.OneToOneField(Transaction, on_delete=models.PROTECT, primary_key=True, related_name="payout")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.OPEN, db_default=Status.OPEN)
    #: The bank's or the provider's name for this payment.
    reference = models.CharField(max_length=REFERENCE_LENGTH_MAX, blank=True, default="", db_default="")
    #: Why it was returned, in the words of staff or of the provider.
    reason = models.CharField(max_length=REASON_LENGTH_MAX, blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    #: The deposit that brought the money back.
    returned_by = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, null=True, blank=True, related_name="returned_payout"
    )

    class Meta:
        # Nobody adds or deletes a pay-out.
        default_permissions = ("view",)
        permissions = [("confirm_payout", "Can confirm pay-outs")]
        verbose_name = "pay-out"
        indexes = [
            # For staff, who work through the open pay-outs, oldest first.
            models.Index(fields=["withdrawal"], condition=Q(status="open"), name="payout_open"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["open", "confirmed", "returned"]), name="payout_status_known"
            ),
            # Rule: exactly the returned pay-outs have a deposit that brought the money back.
            models.CheckConstraint(
                condition=Q(status="returned", returned_by__isnull=False)
                | (~Q(status="returned") & Q(returned_by__isnull=True)),
                name="payout_returned_has_deposit",
            ),
            models.CheckConstraint(
                condition=~Q(status="confirmed") | Q(confirmed_at__isnull=False), name="payout_confirmed_has_time"
            ),
        ]

    def __str__(self) -> str:
        return f"pay-out of {self.withdrawal_id}"


class Proposal(models.Model):
    """Money that one member of staff proposes to put into a wallet, and another approves or rejects.

    `amount` is in minor units of the wallet's currency. `memo` is shown to the owner, `reason` to staff alone.
    """

    class Kind(models.TextChoices):
        DEPOSIT = "deposit"
        PAYOUT_RETURN = "payout_return", "Return of a pay-out"

    class Decision(models.TextChoices):
        APPROVED = "approved"
        REJECTED = "rejected"

    kind = models.CharField(max_length=13, choices=Kind.choices)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    memo = models.CharField(max_length=MEMO_LENGTH_MAX, blank=True, default="")
    reason = models.CharField(max_length=REASON_LENGTH_MAX)
    #: The pay-out that a return brings back; NULL for a deposit.
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, null=True, blank=True, related_name="proposals")
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(db_default=Now(), editable=False)
    #: Empty while the proposal waits for its decision.
    decision = models.CharField(max_length=8, choices=Decision.choices, blank=True, default="", db_default="")
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=REASON_LENGTH_MAX, blank=True, default="", db_default="")
    #: The deposit that carried an approved proposal out.
    transaction = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, null=True, blank=True, related_name="proposal"
    )

    class Meta:
        # Nobody changes or deletes a proposal.
        default_permissions = ("view",)
        permissions = [
            ("propose_money", "Can propose deposits and returns of pay-outs"),
            ("approve_money", "Can approve and reject what others proposed"),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(decision=""), name="proposal_waiting")]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["deposit", "payout_return"]), name="proposal_kind_known"),
            models.CheckConstraint(
                condition=Q(amount__gte=AMOUNT_MIN, amount__lte=AMOUNT_MAX), name="proposal_amount_range"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="proposal_has_reason"),
            models.CheckConstraint(
                condition=Q(kind="deposit", payout__isnull=True) | Q(kind="payout_return", payout__isnull=False),
                name="proposal_payout_fits_kind",
            ),
            # Rule: four eyes. Nobody decides on their own proposal.
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("proposed_by")), name="proposal_needs_two_people"
            ),
            # Rule: exactly the decided proposals say who decided and when, and exactly the approved ones moved money.
            models.CheckConstraint(
                condition=Q(decision="", decided_by__isnull=True, decided_at__isnull=True, transaction__isnull=True)
                | Q(decision="approved", decided_by__isnull=False, decided_at__isnull=False, transaction__isnull=False)
                | Q(decision="rejected", decided_by__isnull=False, decided_at__isnull=False, transaction__isnull=True),
                name="proposal_decision_fits",
            ),
            # Rule: one return of a pay-out waits at a time, so that two members of staff do not prepare it twice.
            models.UniqueConstraint(
                fields=["payout"], condition=Q(decision="", payout__isnull=False), name="proposal_one_waiting_return"
            ),
        ]

    def __str__(self) -> str:
        return f"proposal {self.pk}"
