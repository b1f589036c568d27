"""Sends queued mails, each at least once.

A process leases a mail before it connects to the mail server, and holds no database transaction while it sends. If it
is killed, its lease ends after some minutes, and another process sends the mail, possibly for the second time. Both
copies have the same Message-ID.
"""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import get_connection
from django.db import transaction
from django.utils import timezone

from notifications.content import ContentUnreadableError
from notifications.faults import Failure, address_failure, failure_of
from notifications.messages import StoredMessage
from notifications.models import Mail, MailState
from telemetry import metrics

log = structlog.get_logger(__name__)

#: A delivery has about a dozen steps, each of which ends after EMAIL_TIMEOUT_S. A lease outlasts them all.
_LEASE_STEPS = 30
_BASE_S = 5.0
_CAP_S = 600.0
_DOUBLINGS_MAX = 10


def mails_send(*, is_over: Callable[[], bool] = lambda: False) -> bool:
    """Sends what is due, one mail after another over one connection while all goes well, until `is_over`.

    Stops when the mail server fails, because the other mails would fail as well, and then returns False.
    """
    transport: Any = None
    try:
        while not is_over() and (mail := mail_lease()) is not None:
            if transport is None:
                transport = get_connection(settings.MAIL_TRANSPORT)
            failure = _attempt(mail, transport)
            if failure is None:
                _sent(mail)
                continue
            _failed(mail, failure)
            if failure.is_servers:
                return False
            # smtplib does not end the refused mail in all cases, and the server would refuse the next one in it.
            _close(transport)
            transport = None
        return True
    finally:
        if transport is not None:
            _close(transport)


def mail_lease() -> Mail | None:
    """Leases and returns the mail that has been due for longest. Until the lease ends, no other process sends it."""
    now = timezone.now()
    due = Mail.objects.filter(state=MailState.QUEUED, not_before__lte=now, expires_at__gt=now).order_by("not_before")
    with transaction.atomic():
        # Race: two processes take the same mail. The row lock lasts until the lease is committed; the other process
        # skips the row, and then finds that it is not due.
        mail = due.select_for_update(skip_locked=True).first()
        if mail is None:
            return None
        mail.attempts += 1
        mail.not_before = now + timedelta(seconds=settings.EMAIL_TIMEOUT * _LEASE_STEPS)
        mail.save(update_fields=["attempts", "not_before"])
    return mail


def retry_delay(attempts: int) -> timedelta:
    """How long to wait after the n-th failure: 5, 10, 20, … 600 seconds, less up to half of it, so that mails that
    failed together do not come back together."""
    ceiling_s = min(_CAP_S, _BASE_S * 2 ** min(attempts - 1, _DOUBLINGS_MAX))
    return timedelta(seconds=random.uniform(ceiling_s / 2, ceiling_s))  # noqa: S311 - jitter is no secret


def _attempt(mail: Mail, transport: Any) -> Failure | None:
    failure = address_failure(mail.recipients)
    if failure is not None:
        return failure
    try:
        message = StoredMessage(mail)
    except ContentUnreadableError as error:
        # Only this mail. Staff can send it again when the key is back.
        return Failure(text=str(error), is_final=True)
    try:
        # Opened here, the connection stays open for the next mail.
        transport.open()
        transport.send_messages([message])
    except OSError as error:
        # Those of smtplib are among them.
        return failure_of(error)
    except Exception as error:
        log.exception("mail_attempt_broken", mail_id=mail.pk)
        return failure_of(error)
    return None


def _sent(mail: Mail) -> None:
    # Whatever somebody decided meanwhile: it was sent.
    Mail.objects.filter(pk=mail.pk).update(
        state=MailState.SENT, content=None, finished_at=timezone.now(), last_error=""
    )
    metrics.mails.labels(outcome="sent").inc()
    log.info("mail_sent", mail_id=mail.pk, attempts=mail.attempts)


def _failed(mail: Mail, failure: Failure) -> None:
    # Race: the attempt took so long that another process has leased the mail, or staff gave it up. They decide.
    leased = Mail.objects.filter(pk=mail.pk, state=MailState.QUEUED, attempts=mail.attempts)
    if failure.is_final:
        # The content stays until the mail expires, so that staff can send it again.
        leased.update(state=MailState.UNDELIVERABLE, finished_at=timezone.now(), last_error=failure.text)
    else:
        leased.update(not_before=timezone.now() + retry_delay(mail.attempts), last_error=failure.text)
    metrics.mails.labels(outcome="undeliverable" if failure.is_final else "retried").inc()
    log.warning("mail_failed", mail_id=mail.pk, attempts=mail.attempts, is_final=failure.is_final)


def _close(transport: Any) -> None:
    try:
        transport.close()
    except Exception:
        # The mails are sent or put off; how the connection ends does not matter.
        log.debug("mail_server_not_closed", exc_info=True)
