"""Celery tasks about money: they settle accepted transfers, audit the books, and warm the cache.

Jobs are rows in Postgres, so a lost or duplicated message does no harm.
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
from wallets.warming import WALLETS_MAX

log = structlog.get_logger(__name__)


class BooksError(RuntimeError):
    """The books do not balance."""


@shared_task(bind=True)
def audit_nightly(self: Task[[], None]) -> None:
    """Audits the books; only once if several beats send the task. The task fails if the books do not balance, so that
    monitoring notices."""
    # If the message is redelivered, its worker died while it held the lock. Then audit in spite of the lock.
    is_second_try = (self.request.delivery_info or {}).get("redelivered")
    with lock_try("audit", ttl_s=settings.CELERY_TASK_TIME_LIMIT) as taken:
        if taken is LockResult.BUSY and not is_second_try:
            log.info("books_audited_already")
            return
        _audit()


def _audit() -> None:
    audit = books_audit()
    for finding in audit.findings:
        log.error("books_finding", subject=finding.subject, problem=finding.problem)
    if not audit.clean:
        raise BooksError(f"The books do not balance: {audit.finding_count} findings.")
    log.info("books_balance", entries=audit.entry_count, took_s=round(audit.took_s, 1))


@shared_task
def partition_drain_task(partition: int) -> None:
    """Settles the due jobs of one partition. If jobs are left when its time limit is over, it sends another wake-up.

    Does nothing while another channel settles: then the message was sent before TRANSFER_CHANNEL was changed.
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
    """Warms a user's wallets after sign-in."""
    person_warm(user_id=user_id)


@shared_task
def wallets_warm_task(wallet_ids: list[int]) -> None:
    """Warms viewed wallets that have changed, and no more of them than the site asks for in one message."""
    for wallet_id in wallet_ids[:WALLETS_MAX]:
        wallet_warm(wallet_id=wallet_id)
