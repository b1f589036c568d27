"""Browsers' sessions in the admin. It shows nobody what a session contains, nor the hash of its key."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from kit.admin.big_tables import when
from wallets.admin.access import RemovableAdmin
from wallets.admin.people import staff_of
from wallets.auth.staff.actions import staff_sessions_end
from wallets.models.sessions import BrowserSession
from wallets.sessions.lifetimes import sessions_alive


@admin.register(BrowserSession)
class BrowserSessionAdmin(RemovableAdmin):
    """Where users are logged in. Staff can log somebody out of all browsers."""

    list_display = ("browser", "user", "address", "signed_in_shown", "last_seen_shown")
    ordering = ("-id",)
    fields = ("user", "browser", "user_agent", "address", "signed_in_shown", "last_seen_shown")
    readonly_fields = fields
    actions = ("end_all",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BrowserSession]:
        found: QuerySet[BrowserSession] = super().get_queryset(request)
        return found.filter(sessions_alive()).defer("data")

    @admin.action(description="Log the selected sessions' users out of all browsers", permissions=["remove"])
    def end_all(self, request: HttpRequest, queryset: QuerySet[BrowserSession]) -> None:
        done: set[Any] = set()
        for session, reason in self.each_removable(request, queryset):
            if session.user_id not in done:
                staff_sessions_end(actor=staff_of(request), user=session.user, reason=reason)
            done.add(session.user_id)

    @admin.display(description="signed in (UTC)")
    def signed_in_shown(self, session: BrowserSession) -> str:
        return when(session.signed_in_at)

    @admin.display(description="last active (UTC)")
    def last_seen_shown(self, session: BrowserSession) -> str:
        return when(session.last_seen_at)
