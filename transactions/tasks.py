"""What Celery does about money without being asked."""

import logging

from celery import shared_task

from transactions.audit import books_audit

logger = logging.getLogger(__name__)


class BooksError(RuntimeError):
    """The books do not balance."""


@shared_task
def audit_nightly() -> None:
    """Audits the books. Fails where they do not balance, so that whoever watches the tasks sees it."""
    audit = books_audit()
    for fault in audit.faults:
        logger.error("Fault in the books: %s: %s", fault.subject, fault.problem)
    if not audit.clean:
        raise BooksError(f"The books do not balance: {audit.fault_count} faults.")
    logger.info("The books balance: %s entries in %.1f s", audit.entry_count, audit.took_s)
