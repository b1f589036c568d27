"""What happens to the job that a fault belongs to: it is put off, and after the last attempt it is a dead letter."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from telemetry import metrics
from transactions.models import Job
from transactions.settlement.faults import fault_is_passing, fault_text
from wallets.models import Wallet

log = structlog.get_logger(__name__)

_BASE_S = 0.5
_CAP_S = 60.0
_DOUBLINGS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyJob:
    """A job after a fault. `retry_at` is None once it is a dead letter."""

    transaction_id: int
    source_id: int
    attempts: int
    fault: str
    retry_at: datetime | None


def retry_delay(attempts: int) -> timedelta:
    """How long to wait after the n-th fault: exponential back-off with full jitter, so that jobs that failed together
    do not come back together. Between 0 and 0.5, 1, 2, … 60 seconds."""
    ceiling_s = min(_CAP_S, _BASE_S * 2 ** min(attempts - 1, _DOUBLINGS_MAX))
    return timedelta(seconds=random.uniform(0, ceiling_s))  # noqa: S311 - jitter is no secret


def jobs_put_off(job_ids: Sequence[int], cause: Exception) -> list[FaultyJob] | None:
    """Puts off those jobs of a faulty batch that the fault belongs to. None if that cannot be told yet, because the
    batch is too large."""
    passing = fault_is_passing(cause)
    if len(job_ids) > 1:
        job_ids = _jobs_of_busy_wallets(job_ids) if passing else []
    if not job_ids:
        return None
    put_off = [_job_put_off(job_id, cause, may_die=not passing) for job_id in job_ids]
    return [faulty for faulty in put_off if faulty is not None]


def _jobs_of_busy_wallets(job_ids: Sequence[int]) -> list[int]:
    """The first job of each source that needs a wallet which somebody holds now; later jobs of the source wait too."""
    jobs = Job.objects.filter(id__in=job_ids).order_by("id").values_list("id", "source", "transaction__destination")
    with transaction.atomic():
        sides = list(jobs)
        needed = {wallet_id for _, *wallet_ids in sides for wallet_id in wallet_ids}
        # Takes every lock that is free, for an instant, to see which ones are not.
        wallets = Wallet.objects.filter(id__in=needed).select_for_update(skip_locked=True, no_key=True)
        free = set(wallets.values_list("id", flat=True))
    first: dict[int, int] = {}
    for job_id, source_id, destination_id in sides:
        if not {source_id, destination_id} <= free:
            first.setdefault(source_id, job_id)
    return list(first.values())


def _job_put_off(job_id: int, cause: Exception, *, may_die: bool) -> FaultyJob | None:
    """Counts the fault and sets the time of the next attempt, or makes the job a dead letter. None if it is gone, or if
    another settler has taken it meanwhile."""
    with transaction.atomic():
        # The lock stops another settler from settling the job between this look and the write.
        job = Job.objects.select_for_update(skip_locked=True).filter(id=job_id, dead_at__isnull=True).first()
        if job is None:
            return None
        job.attempts += 1
        job.last_fault = fault_text(cause)
        if may_die and job.attempts >= settings.TRANSFER_ATTEMPTS_MAX:
            job.dead_at, job.not_before = timezone.now(), None
        else:
            job.not_before = timezone.now() + retry_delay(job.attempts)
        job.save(update_fields=["attempts", "last_fault", "dead_at", "not_before"])
    if job.dead_at:
        metrics.dead_letters_buried.inc()
    log.warning(
        "transfer_fault",
        transaction_id=job.transaction_id,
        attempts=job.attempts,
        dead=bool(job.dead_at),
        fault=job.last_fault,
    )
    return FaultyJob(
        transaction_id=job.transaction_id,
        source_id=job.source_id,
        attempts=job.attempts,
        fault=job.last_fault,
        retry_at=job.not_before,
    )
