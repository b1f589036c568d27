"""What a fault means for a job: when it is tried again, and when it is given up."""

import random
from collections.abc import Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from telemetry import metrics
from transactions.models import Job
from wallets.domain.errors import WalletError
from wallets.models import Wallet

log = structlog.get_logger(__name__)

_BASE_S = 0.5
_CAP_S = 60.0
_DOUBLINGS_MAX = 10
_FAULT_LENGTH_MAX = 2_000


def retry_delay(attempts: int) -> timedelta:
    """How long to wait after the n-th fault: exponential back-off with full jitter, so that what failed together does
    not come back together. Between 0 and 0.5, 1, 2, … 60 seconds."""
    ceiling_s = min(_CAP_S, _BASE_S * 2 ** min(attempts - 1, _DOUBLINGS_MAX))
    return timedelta(seconds=random.uniform(0, ceiling_s))  # noqa: S311 - jitter is no secret


def fault_is_of_the_moment(cause: Exception) -> bool:
    """Whether a fault says nothing about the job, only that a row was locked by somebody else for too long."""
    return isinstance(cause, WalletError) and cause.retryable


def jobs_hold_back(job_ids: Sequence[int], cause: Exception) -> bool:
    """Puts off those jobs of a faulty batch that the fault belongs to; False where that cannot be told yet."""
    of_the_moment = fault_is_of_the_moment(cause)
    if len(job_ids) > 1:
        job_ids = _jobs_of_busy_wallets(job_ids) if of_the_moment else []
    for job_id in job_ids:
        _job_hold_back(job_id, cause, may_die=not of_the_moment)
    return bool(job_ids)


def _jobs_of_busy_wallets(job_ids: Sequence[int]) -> list[int]:
    """Of each source the first job that needs a wallet which somebody holds at this moment; its later ones wait too."""
    jobs = Job.objects.filter(id__in=job_ids).order_by("id").values_list("id", "source", "transaction__destination")
    with transaction.atomic():
        sides = list(jobs)
        needed = {wallet_id for _, *wallet_ids in sides for wallet_id in wallet_ids}
        # Takes each lock that is to be had, for an instant, to see which are not.
        wallets = Wallet.objects.filter(id__in=needed).select_for_update(skip_locked=True, no_key=True)
        free = set(wallets.values_list("id", flat=True))
    first: dict[int, int] = {}
    for job_id, source_id, destination_id in sides:
        if not {source_id, destination_id} <= free:
            first.setdefault(source_id, job_id)
    return list(first.values())


def _job_hold_back(job_id: int, cause: Exception, *, may_die: bool) -> None:
    """Puts a faulty job off, with its wallet's later ones, or after the last attempt into the dead letters."""
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(id=job_id, dead_at__isnull=True).first()
        if job is None:
            return
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


def fault_text(cause: Exception) -> str:
    """What Postgres can store of an exception, whatever bytes a broken request has put into its words."""
    return text_fit(f"{type(cause).__name__}: {cause}")


def text_fit(text: str) -> str:
    """As much of a text as Postgres can store and a header of Kafka's should hold."""
    text = text.replace("\0", "\\0").strip()
    return text.encode("utf-8", errors="backslashreplace").decode()[:_FAULT_LENGTH_MAX]
