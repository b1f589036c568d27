"""The queue of mails. Mails that were sent or given up stay in it for a while, without their content."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q


class MailState(models.TextChoices):
    QUEUED = "queued"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"


class Mail(models.Model):
    """A mail: whom it goes to, what the mail server gets, and what became of it.

    The content may contain a link that resets a password. It is deleted as soon as the mail is sent, given up or
    expired.
    """

    state = models.CharField(max_length=16, choices=MailState, default=MailState.QUEUED)
    sender = models.TextField()
    recipients = ArrayField(models.TextField())
    subject = models.TextField(blank=True)
    #: The whole message in MIME's format, as the mail server gets it, encrypted (`notifications.content`).
    content = models.BinaryField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    #: Nobody sends the mail before this time. A process that is about to send it moves it ahead, so that others wait.
    not_before = models.DateTimeField()
    #: From this time on the mail is no longer worth sending.
    expires_at = models.DateTimeField()
    last_error = models.TextField(default="", blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        permissions = [("decide_mail", "Can send undeliverable mails again and give up queued ones")]
        indexes = [
            models.Index(fields=["not_before"], condition=Q(state=MailState.QUEUED), name="mail_due"),
            models.Index(fields=["expires_at"], condition=Q(content__isnull=False), name="mail_with_content"),
            models.Index(fields=["id"], condition=Q(state=MailState.UNDELIVERABLE), name="mail_undeliverable"),
            GinIndex(fields=["recipients"], name="mail_recipients"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=MailState.values), name="mail_state_known"),
            # Rule: a mail that waits has something to send.
            models.CheckConstraint(
                condition=~Q(state=MailState.QUEUED) | Q(content__isnull=False, finished_at__isnull=True),
                name="mail_queued_has_content",
            ),
            # Rule: nobody can read the links of a mail that was sent.
            models.CheckConstraint(
                condition=~Q(state=MailState.SENT) | Q(content__isnull=True), name="mail_sent_has_no_content"
            ),
            models.CheckConstraint(
                condition=Q(state=MailState.QUEUED) | Q(finished_at__isnull=False), name="mail_finished_has_time"
            ),
        ]

    def __str__(self) -> str:
        return f"mail {self.pk}"
