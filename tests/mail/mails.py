"""Mails in the queue, and what should have become of them."""

from django.core.mail import send_mail
from django.utils import timezone

from notifications.delivery import mails_send
from notifications.models import Mail, MailState
from tests.mail.conftest import due_now
from tests.mail.server import SmtpServer


def write(to: str = "alice@example.com", subject: str = "Hello") -> Mail:
    send_mail(subject, "How are you?", None, [to])
    return Mail.objects.latest("id")


def assert_waits(mail: Mail, *, attempts: int = 1) -> None:
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == (MailState.QUEUED, attempts)
    assert mail.not_before > timezone.now()
    assert mail.content
    assert mail.last_error


def assert_arrives(mail: Mail, smtp: SmtpServer) -> None:
    due_now()
    assert mails_send()
    mail.refresh_from_db()
    assert mail.state == MailState.SENT
    assert smtp.received[-1].message["Subject"] == mail.subject
