"""Turns messages into rows of the queue, and back into what Django's mail backends send."""

from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.message import MIMEMixin
from django.utils import timezone

from notifications.content import content_open, content_seal
from notifications.models import Mail


def mail_pack(message: EmailMessage) -> Mail:
    """The row for a message. Its Message-ID is final, so that a mailbox can recognise a mail that arrives twice."""
    now = timezone.now()
    valid_for: timedelta = getattr(message, "valid_for", timedelta(seconds=settings.MAIL_VALID_S))
    return Mail(
        sender=message.from_email,
        recipients=message.recipients(),
        subject=str(message.subject),
        content=content_seal(message.message().as_bytes()),
        not_before=now,
        expires_at=now + valid_for,
        created_at=now,
    )


class StoredMessage(EmailMessage):
    """A queued mail. It goes to the recipients of its row, and its content is exactly what was queued.

    Raises ContentUnreadableError.
    """

    def __init__(self, mail: Mail) -> None:
        super().__init__(subject=mail.subject, from_email=mail.sender, to=mail.recipients)
        self._content = content_open(bytes(mail.content or b""))

    def message(self, **_policy: Any) -> Any:
        return message_from_bytes(self._content, _class=_StoredContent)


class _StoredContent(MIMEMixin, Message):  # type: ignore[misc]  # as all messages of Django are made
    """Content with those methods that Django's mail backends call."""
