"""The base of all lists and pages in the admin: read-only, and as fast with ten million rows as with ten."""

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
#: Lists end after this many pages. For older rows, staff search or filter.
PAGES_MAX = 100
#: How many rows of one list can be reached.
REACH = PAGE_ROWS * PAGES_MAX
#: The largest id that Postgres stores.
INT64_MAX = 2**63 - 1


class PeekingChangeList(ChangeList):
    """A list that never counts its rows. It fetches one row more than a page shows, to know if there is a next page."""

    newer_url: str | None
    older_url: str | None

    def get_results(self, request: HttpRequest) -> None:  # noqa: ARG002 - Django's signature
        """Runs one query, however large the table is."""
        self.page_num = min(max(self.page_num, 1), PAGES_MAX)
        first = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset[first : first + self.list_per_page + 1])
        has_older = len(rows) > self.list_per_page and self.page_num < PAGES_MAX
        self.newer_url = self.get_query_string({PAGE_VAR: self.page_num - 1}) if self.page_num > 1 else None
        self.older_url = self.get_query_string({PAGE_VAR: self.page_num + 1}) if has_older else None
        # Django's own templates and actions read these attributes.
        self.result_list = rows[: self.list_per_page]
        self.result_count = self.full_result_count = len(self.result_list)
        self.show_full_result_count = False
        self.show_admin_actions = bool(rows)
        self.can_show_all = self.multi_page = False


class BigTableAdmin(_ModelAdmin):
    """A list that stays fast: it counts nothing, and sorts only in the order of an index."""

    change_list_template = "admin/peeking_change_list.html"
    list_per_page = PAGE_ROWS
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:  # noqa: ARG002 - subclasses use it
        """The rows that match a search for `term`. Subclasses look them up in an index. None by default."""
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
    """Nobody can add, change or delete rows here, not even superusers. Actions change objects through the services."""

    def has_add_permission(self, *_args: Any) -> bool:
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        return False


class ReadOnlyAdmin(ReadOnlyMixin, BigTableAdmin):
    """A big table that is read-only in the admin."""


class ReadOnlyInline(ReadOnlyMixin, _TabularInline):
    """Rows of another table on an object's page."""

    extra = 0
    can_delete = False
    show_change_link = True


def number_parse(term: str) -> int | None:
    """The search term as an id, or None if it cannot be one."""
    if term.isascii() and term.isdecimal() and len(term) <= len(str(INT64_MAX)) and int(term) <= INT64_MAX:
        return int(term)
    return None


def when(moment: datetime | None) -> str:
    """A time in UTC, to the second, always in the same format so that a column of times is easy to compare."""
    return "-" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
