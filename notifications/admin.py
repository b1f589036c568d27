"""Mails in the admin. Staff see what became of each, and decide on those that cannot be delivered."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator

from kit.admin.big_tables import ReadOnlyAdmin, when
from notifications.models import Mail, MailState
from notifications.services import mail_give_up, mail_send_again
from wallets.admin.reasons import ReasonActionForm, reason_given


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    """Mails, newest first. Nobody sees their content: a link in it may reset a password."""

    list_display = ("id", "created_shown", "recipients_shown", "subject", "state", "attempts", "error_short")
    list_filter = ("state",)
    ordering = ("-id",)
    search_fields = ("recipients",)
    search_help_text = "Enter a full email address."
    fields = (
        "recipients_shown",
        "sender",
        "subject",
        "state",
        "created_shown",
        "finished_shown",
        "attempts",
        "next_shown",
        "expires_shown",
        "last_error",
    )
    readonly_fields = fields
    action_form = ReasonActionForm
    actions = ("send_again", "give_up")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("content")

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(recipients__contains=[term.lower()])

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Whether the user may send mails again and give them up."""
        return self.has_view_permission(request) and request.user.has_perm("notifications.decide_mail")

    @admin.action(description="Send selected mails again", permissions=["decide"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Mail]) -> None:
        self._decide(request, queryset, mail_send_again, done="Queued again", why_not="not undeliverable, or too old")

    @admin.action(description="Give up selected mails", permissions=["decide"])
    def give_up(self, request: HttpRequest, queryset: QuerySet[Mail]) -> None:
        self._decide(request, queryset, mail_give_up, done="Given up", why_not="no longer queued")

    def _decide(
        self, request: HttpRequest, queryset: QuerySet[Mail], service: Callable[..., bool], *, done: str, why_not: str
    ) -> None:
        """Calls the service for each mail, and records what it changed, and why, in the admin's history."""
        reason = reason_given(self, request)
        unchanged = 0
        for mail in queryset if reason else ():
            # Together, so that no decision is without its record.
            with transaction.atomic():
                if changed := service(mail_id=mail.pk):
                    self.log_change(request, mail, f"{done}: {reason}")
            if changed:
                self.message_user(request, f"{done}: mail {mail.pk}.", messages.SUCCESS)
            else:
                unchanged += 1
        if unchanged:
            self.message_user(request, f"Unchanged, because {why_not}: {unchanged}.", messages.WARNING)

    @admin.display(description="to")
    def recipients_shown(self, mail: Mail) -> str:
        return ", ".join(mail.recipients)

    @admin.display(description="created (UTC)")
    def created_shown(self, mail: Mail) -> str:
        return when(mail.created_at)

    @admin.display(description="sent or given up (UTC)")
    def finished_shown(self, mail: Mail) -> str:
        return when(mail.finished_at)

    @admin.display(description="next attempt (UTC)")
    def next_shown(self, mail: Mail) -> str:
        return when(mail.not_before if mail.state == MailState.QUEUED else None)

    @admin.display(description="worth sending until (UTC)")
    def expires_shown(self, mail: Mail) -> str:
        return when(mail.expires_at)

    @admin.display(description="last error")
    def error_short(self, mail: Mail) -> str:
        return Truncator(mail.last_error).chars(80) or "-"
