"""What Celery does about money: it wakes the drainers of the queue, audits the books, and warms what is looked at.

The queue is a table, so a lost or doubled message does no harm.
"""

from dataclasses import asdict

import structlog
from celery import Task, shared_task
from django.conf import settings

from kit.redis.locks import LockResult, lock_try
from telemetry import metrics
from transactions.audit import books_audit
from transactions.queue.settle import partition_drain
from transactions.queue.sweep import partitions_waiting
from transactions.queue.wake import drainers_wake, wake_flag_drop
from transactions.warming import person_warm, wallet_warm

log = structlog.get_logger(__name__)


class BooksError(RuntimeError):
    """The books do not balance."""


@shared_task(bind=True)
def audit_nightly(self: Task[[], None]) -> None:
    """Audits the books, once for however many beats ask. Fails where they do not balance, so that it is seen."""
    # A message that comes again is that of a worker that died, and with it the lock's holder.
    is_second_try = (self.request.delivery_info or {}).get("redelivered")
    with lock_try("audit", ttl_s=settings.CELERY_TASK_TIME_LIMIT) as lock:
        if lock is LockResult.BUSY and not is_second_try:
            log.info("books_audited_already")
            return
        _audit()


def _audit() -> None:
    audit = books_audit()
    for fault in audit.faults:
        log.error("books_fault", subject=fault.subject, problem=fault.problem)
    if not audit.clean:
        raise BooksError(f"The books do not balance: {audit.fault_count} faults.")
    log.info("books_balance", entries=audit.entry_count, took_s=round(audit.took_s, 1))


@shared_task
def partition_drain_task(partition: int) -> None:
    """Settles what waits in one partition; where its time is up before the jobs are, it wakes a successor."""
    wake_flag_drop(partition)
    drained = partition_drain(partition=partition, time_limit_s=settings.TRANSFER_DRAIN_LIMIT_S)
    metrics.transfers_settled.labels(outcome="posted").inc(drained.posted)
    metrics.transfers_settled.labels(outcome="failed").inc(drained.failed)
    metrics.settlement_faults.inc(drained.faults)
    if drained.posted or drained.failed or drained.faults:
        log.info("partition_drained", partition=partition, **asdict(drained))
    if drained.left:
        drainers_wake([partition])


@shared_task
def person_warm_task(user_id: int) -> None:
    """Somebody has signed in."""
    person_warm(user_id=user_id)


@shared_task
def wallets_warm_task(wallet_ids: list[int]) -> None:
    """Wallets that somebody is looking at have changed."""
    for wallet_id in wallet_ids:
        wallet_warm(wallet_id=wallet_id)


@shared_task
def partitions_sweep_task() -> None:
    """Wakes the drainers of every partition in which something waits that nobody was woken for."""
    drainers_wake(partitions_waiting())
