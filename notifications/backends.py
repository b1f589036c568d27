"""EMAIL_BACKEND: queues mails instead of sending them."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from notifications.messages import mail_pack
from notifications.models import Mail


class QueueBackend(BaseEmailBackend):
    """Writes mails into Postgres, within the database transaction of the caller if there is one.

    So a change and the mails about it are committed together or not at all, and no mail server can delay a request or
    make it fail. `notifications.mailer` sends them.

    A message may have an attribute `valid_for` (a timedelta): how long it is worth sending. Without it, MAIL_VALID_S
    decides. Raises ValueError if a header contains a line break or an address that cannot be written in ASCII.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        mails = [mail_pack(message) for message in email_messages if message.recipients()]
        Mail.objects.bulk_create(mails)
        return len(mails)
