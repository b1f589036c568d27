"""Creating accepted transfers and dead letters, and settling jobs."""

from datetime import timedelta

from django.utils import timezone

from transactions.models import Job, Status, Transaction
from transactions.recipients import TransferRequest
from transactions.services import transfer_submit
from transactions.settlement.settle import partition_settle
from wallets.models import User, Wallet

FAULT = "IntegrityError: The new entries of wallet 7 do not continue its chain\nCONTEXT: a guard"


def pending_make(sender: User, recipient: str, amount: int = 10_00, memo: str = "") -> Transaction:
    """Accepts a transfer, and returns its pending transaction."""
    source = Wallet.objects.get(owner=sender, currency="USD")
    request = TransferRequest(source_id=source.id, recipient=recipient, amount=amount, memo=memo)
    accepted = transfer_submit(actor=sender, request=request).transaction
    assert accepted.status == Status.PENDING
    return accepted


def dead_make(sender: User, recipient: str, amount: int = 10_00, memo: str = "", fault: str = FAULT) -> Transaction:
    """Creates a transfer that has been a dead letter for three hours."""
    accepted = pending_make(sender, recipient, amount, memo)
    dead = Job.objects.filter(transaction=accepted)
    dead.update(dead_at=timezone.now() - timedelta(hours=3), attempts=8, last_fault=fault)
    return accepted


def is_dead(transfer: Transaction) -> bool:
    return Job.objects.filter(transaction=transfer, dead_at__isnull=False).exists()


def queue_drain() -> None:
    """Settles all jobs that are not dead letters."""
    for partition in Job.objects.values_list("partition", flat=True).distinct():
        partition_settle(partition=partition, time_limit_s=20)


def outcome_of(transfer: Transaction) -> tuple[str, str]:
    """The stored status and failure code."""
    stored = Transaction.objects.get(id=transfer.id)
    return stored.status, stored.failure_code
