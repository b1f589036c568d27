"""What every list and page of the staff's site shares: read-only, and as fast with ten million rows as with ten."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _TabularInline = admin.TabularInline

PAGE_ROWS = 50
#: Nobody turns more pages than this; whoever needs an older row searches or filters for it.
PAGES_MAX = 100
#: So many rows can be reached in a list, whatever it finds.
REACH = PAGE_ROWS * PAGES_MAX
#: No id is larger.
INT64_MAX = 2**63 - 1


class PeekingChangeList(ChangeList):
    """A list that never counts its rows: it fetches one more than a page shows, and so knows if there is a next one."""

    newer_url: str | None
    older_url: str | None

    def get_results(self, request: HttpRequest) -> None:  # noqa: ARG002 - Django's signature
        """One query, whatever the size of the table."""
        self.page_num = min(max(self.page_num, 1), PAGES_MAX)
        first = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset[first : first + self.list_per_page + 1])
        has_older = len(rows) > self.list_per_page and self.page_num < PAGES_MAX
        self.newer_url = self.get_query_string({PAGE_VAR: self.page_num - 1}) if self.page_num > 1 else None
        self.older_url = self.get_query_string({PAGE_VAR: self.page_num + 1}) if has_older else None
        # The rest is what Django's own templates and actions ask a list for.
        self.result_list = rows[: self.list_per_page]
        self.result_count = self.full_result_count = len(self.result_list)
        self.show_full_result_count = False
        self.show_admin_actions = bool(rows)
        self.can_show_all = self.multi_page = False


class BigTableAdmin(_ModelAdmin):
    """A list that stays fast: nothing is counted, and it is sorted only as an index has it sorted already."""

    change_list_template = "admin/peeking_change_list.html"
    list_per_page = PAGE_ROWS
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:  # noqa: ARG002 - for those that do
        """The rows that somebody who types `term` looks for, by way of an index."""
        return queryset.none()

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip().replace("\0", "")
        return (self.search(queryset, term) if term else queryset), False

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:  # noqa: ARG002
        return PeekingChangeList


class ReadOnlyMixin:
    """To be looked at, by superusers too: what may change does so through the services."""

    def has_add_permission(self, *_args: Any) -> bool:
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        return False


class ReadOnlyAdmin(ReadOnlyMixin, BigTableAdmin):
    """A big table that nobody changes here."""


class ReadOnlyInline(ReadOnlyMixin, _TabularInline):
    """Rows of another table on an object's page."""

    extra = 0
    can_delete = False
    show_change_link = True


def number_parse(term: str) -> int | None:
    """An id, if what somebody searches for can be one."""
    if term.isascii() and term.isdecimal() and len(term) <= len(str(INT64_MAX)) and int(term) <= INT64_MAX:
        return int(term)
    return None


def when(moment: datetime | None) -> str:
    """A moment to the second, in UTC, so that a column of them can be compared at a glance."""
    return "-" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
