"""What Celery does about money: it settles accepted transfers, audits the books, and warms the cache.

The queue is a table, so a lost or doubled message does no harm.
"""

import structlog
from celery import Task, shared_task
from django.conf import settings

from kit.redis.locks import LockResult, lock_try
from transactions.audit import books_audit
from transactions.channels import channel
from transactions.channels.celery.wake import wake_flag_clear, workers_wake
from transactions.settlement.settle import partition_settle
from transactions.warming import person_warm, wallet_warm

log = structlog.get_logger(__name__)


class BooksError(RuntimeError):
    """The books do not balance."""


@shared_task(bind=True)
def audit_nightly(self: Task[[], None]) -> None:
    """Audits the books, once for however many beats ask. Fails where they do not balance, so that it is seen."""
    # A message that comes again is that of a worker that died, and with it the lock's holder.
    is_second_try = (self.request.delivery_info or {}).get("redelivered")
    with lock_try("audit", ttl_s=settings.CELERY_TASK_TIME_LIMIT) as taken:
        if taken is LockResult.BUSY and not is_second_try:
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
    """Settles what is due in one partition. If its time is up before the jobs are, it wakes a successor.

    Does nothing while another channel settles: the message is one from before the channel was changed.
    """
    if not channel().is_settled_by_celery:
        return
    wake_flag_clear(partition)
    settled = partition_settle(partition=partition, time_limit_s=settings.TRANSFER_DRAIN_LIMIT_S)
    if settled.posted or settled.failed or settled.faults:
        log.info(
            "partition_settled",
            partition=partition,
            posted=settled.posted,
            failed=settled.failed,
            faults=settled.faults,
            left=settled.left,
        )
    if settled.left:
        workers_wake([partition])


@shared_task
def person_warm_task(user_id: int) -> None:
    """Somebody has signed in."""
    person_warm(user_id=user_id)


@shared_task
def wallets_warm_task(wallet_ids: list[int]) -> None:
    """Wallets that somebody is looking at have changed."""
    for wallet_id in wallet_ids:
        wallet_warm(wallet_id=wallet_id)
