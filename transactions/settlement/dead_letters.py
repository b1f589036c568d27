"""The dead-letter desk: transfers that met a fault too often wait here until staff replay or fail them.

Who was first is settled by the job's row lock, and the audit trail is written in the same commit: two people who
click at once act once.
"""

from django.db import transaction
from django.db.models import QuerySet

from telemetry import metrics
from transactions.ledger.post import accepted_fail, post
from transactions.models import DeadLetterAction, Job
from transactions.settlement.jobs import job_command
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User


def dead_letter_list() -> QuerySet[Job]:
    """The jobs that wait for staff, the longest waiting first."""
    dead = Job.objects.filter(dead_at__isnull=False).order_by("dead_at", "id")
    return dead.select_related("transaction__source__owner", "transaction__destination__owner")


def dead_letter_dry_run(*, transaction_id: int) -> str:
    """What a replay would come to at this moment, in a sentence. Nothing is changed. Raises NOT_FOUND."""
    with transaction.atomic():
        job = _dead_job_lock(transaction_id)
        if job is None:
            raise WalletError(ErrorCode.NOT_FOUND, "This transfer is not in the dead letters.")
        try:
            with transaction.atomic():
                outcome = post([job_command(job)])[0]
        except Exception as error:  # noqa: BLE001 - a fault may be anything, and here it is the answer
            return f"It would meet a fault again: {error}"
        finally:
            transaction.set_rollback(True)
    if outcome.error:
        return f"It would fail: {outcome.error}"
    return "It would be posted."


def dead_letter_replay(*, transaction_id: int, actor: User | None, note: str) -> bool:
    """Makes a dead job due again, with fresh attempts: settlers find it within a second. False if somebody else acted
    first."""
    with transaction.atomic():
        job = _dead_job_lock(transaction_id)
        if job is None:
            return False
        _action_record(job, DeadLetterAction.Action.REPLAYED, actor, note)
        job.dead_at, job.attempts = None, 0
        job.save(update_fields=["dead_at", "attempts"])
        transaction.on_commit(metrics.dead_letters_replayed.inc, robust=True)
    return True


def dead_letter_fail(*, transaction_id: int, actor: User | None, note: str) -> bool:
    """Settles a dead transfer as failed. False where somebody else was faster. Raises MALFORMED without a note."""
    if not note.strip():
        raise WalletError(ErrorCode.MALFORMED, "Say why.", fields={"note": ["Say why."]})
    with transaction.atomic():
        job = _dead_job_lock(transaction_id)
        if job is None:
            return False
        _action_record(job, DeadLetterAction.Action.FAILED, actor, note)
        accepted_fail(transaction_id=transaction_id, code=ErrorCode.SETTLEMENT_FAILED)
        job.delete()
        transaction.on_commit(metrics.transfers_settled.labels(outcome="failed").inc, robust=True)
    return True


def _dead_job_lock(transaction_id: int) -> Job | None:
    """The dead job of a transaction, locked. The lock stops two people from acting on it at once."""
    dead = Job.objects.filter(transaction=transaction_id, dead_at__isnull=False)
    return dead.select_related("transaction").select_for_update(of=("self",)).first()


def _action_record(job: Job, action: DeadLetterAction.Action, actor: User | None, note: str) -> None:
    DeadLetterAction.objects.create(
        transaction=job.transaction,
        action=action,
        actor=actor,
        note=note.strip(),
        fault=job.last_fault,
        attempts=job.attempts,
    )
