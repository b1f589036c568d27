"""Changes to the queue of mails, besides sending: staff decide on mails, time ends others."""

from datetime import timedelta

from django.db.models import Case, F, TextField, Value, When
from django.utils import timezone

from notifications.models import Mail, MailState
from telemetry import metrics

#: How long a mail that was sent or given up stays in the list.
KEPT_FOR = timedelta(days=30)
_TOO_LATE = Value("It was not sent in time.", output_field=TextField())


def mail_send_again(*, mail_id: int) -> bool:
    """Queues an undeliverable mail again. Returns False if it is not undeliverable, or has expired."""
    now = timezone.now()
    again = Mail.objects.filter(pk=mail_id, state=MailState.UNDELIVERABLE, content__isnull=False, expires_at__gt=now)
    return bool(again.update(state=MailState.QUEUED, not_before=now, finished_at=None))


def mail_give_up(*, mail_id: int) -> bool:
    """Gives a queued mail up. Returns False if it is not queued. If it is being sent right now, it still arrives."""
    queued = Mail.objects.filter(pk=mail_id, state=MailState.QUEUED)
    given_up = queued.update(
        state=MailState.UNDELIVERABLE, content=None, finished_at=timezone.now(), last_error="Given up by staff."
    )
    return bool(given_up)


def mails_expire() -> int:
    """Gives up the mails that could not be sent in time, and deletes the content of all that have expired. Returns how
    many it gave up."""
    now = timezone.now()
    expired = Mail.objects.filter(content__isnull=False, expires_at__lte=now)
    given_up = expired.filter(state=MailState.QUEUED).update(
        state=MailState.UNDELIVERABLE,
        content=None,
        finished_at=now,
        last_error=Case(When(last_error="", then=_TOO_LATE), default=F("last_error")),
    )
    expired.update(content=None)
    metrics.mails.labels(outcome="undeliverable").inc(given_up)
    return given_up


def mails_delete_old() -> int:
    """Deletes the mails that were sent or given up long ago. Returns their number."""
    old = Mail.objects.filter(finished_at__lt=timezone.now() - KEPT_FOR)
    return old.delete()[0]
