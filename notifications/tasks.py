"""Housekeeping for Celery. Sending is not a task: see `notifications.mailer`."""

from celery import shared_task

from notifications.services import mails_delete_old


@shared_task
def mails_delete_old_task() -> None:
    """Deletes the mails that were sent or given up long ago."""
    mails_delete_old()
