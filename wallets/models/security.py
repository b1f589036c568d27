"""What protects accounts: the budgets of wrong guesses, and the log of security events."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from wallets.domain.security import TITLES, SecurityEventKind


class GuessBudget(models.Model):
    """What is left for guessing a password or code wrong: `wallets.auth.guessing`. A missing row is a whole budget."""

    #: Whose budget it is, by ids. A name without an account is stored as a keyed hash.
    key = models.CharField(max_length=100, primary_key=True)
    #: When the budget will be whole again.
    full_at = models.DateTimeField()
    #: When the owner was last told that it was exhausted.
    noticed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.key


class SecurityEvent(models.Model):
    """Something about the security of an account, for its owner and for staff. Written by `wallets.auth.security_log`.

    Rule: nobody changes an event, and nobody deletes one that is younger than a year. Plain triggers enforce it (see
    the migration), because pgtrigger's can be switched off by a session.
    """

    # Without a constraint, which would lock the user's row for each event. Users are never deleted.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
        editable=False,
    )
    #: A `SecurityEventKind`. Without `choices`, so that a new kind needs no migration.
    kind = models.CharField(max_length=30, editable=False)
    at = models.DateTimeField(db_default=Now(), editable=False)
    #: A `SecurityChannel`.
    channel = models.CharField(max_length=10, editable=False)
    #: Unknown for what a command did.
    address = models.GenericIPAddressField(null=True, editable=False)
    user_agent = models.CharField(max_length=200, blank=True, editable=False)
    #: What else helps to understand the event: a token's name, who of the staff did it.
    detail = models.JSONField(default=dict, editable=False)

    class Meta:
        app_label = "wallets"
        verbose_name = "security event"
        indexes = [
            models.Index(fields=["user", "-id"], name="securityevent_user"),
            models.Index(fields=["at"], name="securityevent_at"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """What happened, in words for users."""
        return TITLES[SecurityEventKind(self.kind)]
