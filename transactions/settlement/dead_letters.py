"""Dead letters: jobs that were given up wait until staff replay them or fail their transfers.

Every action locks the job's row and writes the audit trail in the same commit. So if two members of staff act at the
same time, only the first one succeeds.
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
    """The dead letters, with the longest-waiting one first."""
    dead = Job.objects.filter(dead_at__isnull=False).order_by("dead_at", "id")
    return dead.select_related("transaction__source__owner", "transaction__destination__owner")


def dead_letter_dry_run(*, transaction_id: int) -> str:
    """Says in a sentence what a replay would do now. Changes nothing. Raises NOT_FOUND."""
    with transaction.atomic():
        job = _dead_job_lock(transaction_id)
        if job is None:
            raise WalletError(ErrorCode.NOT_FOUND, "This transfer is not in the dead letters.")
        try:
            with transaction.atomic():
                outcome = post([job_command(job)])[0]
        except Exception as error:  # noqa: BLE001 - a fault may be any exception, and here it is the answer
            return f"It would meet a fault again: {error}"
        finally:
            transaction.set_rollback(True)
    if outcome.error:
        return f"It would fail: {outcome.error}"
    return "It would be posted."


def dead_letter_replay(*, transaction_id: int, actor: User | None, note: str) -> bool:
    """Makes a dead job due again and resets its attempts; a poll finds it within a second. Returns False if another
    member of staff acted first. Raises PERMISSION_DENIED for the actor's own transfer."""
    with transaction.atomic():
        job = _dead_job_lock(transaction_id)
        if job is None:
            return False
        _refuse_own(job, actor)
        _action_record(job, DeadLetterAction.Action.REPLAYED, actor, note)
        job.dead_at, job.attempts = None, 0
        job.save(update_fields=["dead_at", "attempts"])
        transaction.on_commit(metrics.dead_letters_replayed.inc, robust=True)
    return True


def dead_letter_fail(*, transaction_id: int, actor: User | None, note: str) -> bool:
    """Settles the transfer of a dead job as failed. Returns False if another member of staff acted first. Raises
    MALFORMED without a note, and PERMISSION_DENIED for the actor's own transfer."""
    if not note.strip():
        raise WalletError(ErrorCode.MALFORMED, "Say why.", fields={"note": ["Say why."]})
    with transaction.atomic():
        job = _dead_job_lock(transaction_id)
        if job is None:
            return False
        _refuse_own(job, actor)
        _action_record(job, DeadLetterAction.Action.FAILED, actor, note)
        accepted_fail(transaction_id=transaction_id, code=ErrorCode.SETTLEMENT_FAILED)
        job.delete()
        transaction.on_commit(metrics.transfers_settled.labels(outcome="failed").inc, robust=True)
    return True


def _refuse_own(job: Job, actor: User | None) -> None:
    sides = (job.transaction.source, job.transaction.destination)
    if actor is not None and any(side is not None and side.owner_id == actor.pk for side in sides):
        raise WalletError(ErrorCode.PERMISSION_DENIED, "This is your own transfer. Ask a colleague.")


def _dead_job_lock(transaction_id: int) -> Job | None:
    """Locks and returns the dead job of a transaction; None if it is not dead (any more).

    The race: two members of staff act on one dead letter at the same time. The second waits for the lock, and then
    finds no dead job.
    """
    dead = Job.objects.filter(transaction=transaction_id, dead_at__isnull=False)
    sides = ("transaction__source", "transaction__destination")
    return dead.select_related(*sides).select_for_update(of=("self",)).first()


def _action_record(job: Job, action: DeadLetterAction.Action, actor: User | None, note: str) -> None:
    DeadLetterAction.objects.create(
        transaction=job.transaction,
        action=action,
        actor=actor,
        note=note.strip(),
        fault=job.last_fault,
        attempts=job.attempts,
    )
