"""Browsers' sessions."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from wallets.domain.user_agents import browser_words


class BrowserSession(models.Model):
    """A browser's session: from the first thing the site has to remember about a visitor until it ends. Written by
    `wallets.auth.sessions.engine`, which is Django's session engine here.

    Rule: the time of the sign-in never moves forward, a session never passes to another user, and neither of its times
    lies in the future: nobody makes a session outlive its lifetimes. A trigger enforces it (see the migration).
    """

    #: A hash of the key that the browser holds. Whoever reads this table can sign in with nothing in it.
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    #: None for a visitor who has not signed in, or not entered the second factor yet.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", null=True, editable=False
    )
    #: What the site remembers, sealed by `wallets.auth.sessions.data`.
    data = models.TextField(editable=False)
    signed_in_at = models.DateTimeField(null=True, editable=False)
    #: When somebody last used it, to within SEEN_EVERY of `wallets.auth.sessions.engine`. Polls of an open page do not
    #: count.
    last_seen_at = models.DateTimeField(editable=False)
    #: Where it was last seen. Unknown for sessions of earlier releases until they are used.
    address = models.GenericIPAddressField(null=True, editable=False)
    user_agent = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        app_label = "wallets"
        verbose_name = "browser session"
        constraints = [
            # Rule: every session of a user has the time from which its absolute lifetime counts, and no other has one.
            models.CheckConstraint(
                condition=Q(user__isnull=True, signed_in_at__isnull=True)
                | Q(user__isnull=False, signed_in_at__isnull=False),
                name="browsersession_user_signed_in",
            ),
            # Rule: nobody reads in the database what a session contains.
            models.CheckConstraint(condition=Q(data__startswith="sealed:1:"), name="browsersession_data_is_sealed"),
        ]

    def __str__(self) -> str:
        return self.browser

    @property
    def browser(self) -> str:
        """The browser and its system in words."""
        return browser_words(self.user_agent)
