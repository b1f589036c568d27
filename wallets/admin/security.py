"""The log of security events in the admin. Postgres itself refuses to change it."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from kit.admin.big_tables import ReadOnlyAdmin, when
from wallets.admin.people import people_matching
from wallets.domain.security import TITLES, SecurityEventKind
from wallets.models import User
from wallets.models.security import SecurityEvent


class KindFilter(admin.SimpleListFilter):
    """Filters by the kinds that there are, without looking for them in the table."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(kind.value, TITLES[kind]) for kind in SecurityEventKind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin):
    """All accounts' events, newest first, for staff who may view security events."""

    list_display = ("at_shown", "user", "title", "channel", "address", "detail_shown")
    list_filter = (KindFilter,)
    list_select_related = ("user",)
    ordering = ("-id",)
    search_fields = ("user",)
    search_help_text = "Enter the beginning of a username or email."
    fields = ("at_shown", "user", "title", "channel", "address", "user_agent", "detail_shown")
    readonly_fields = fields

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        # By id, so that the index of a user's events answers it.
        return queryset.filter(user__in=User.objects.filter(people_matching(term)))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm("wallets.view_securityevent")

    @admin.display(description="at (UTC)")
    def at_shown(self, event: SecurityEvent) -> str:
        return when(event.at)

    @admin.display(description="detail")
    def detail_shown(self, event: SecurityEvent) -> str:
        return json.dumps(event.detail, ensure_ascii=False) if event.detail else "-"
