"""Transactions and their entries. Only the ledger writes the books, so these pages are read-only."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.html import format_html

from kit.admin.big_tables import ReadOnlyAdmin, ReadOnlyInline, when
from transactions.admin.links import transaction_link, wallet_link
from transactions.admin.search import NEWEST_FOUND_FIRST, entries_search, newest_found, transactions_search
from transactions.models import Entry, Transaction
from wallets.admin.columns import money, text_by_user
from wallets.admin.wallets import CurrencyFilter


class CreatedFilter(admin.ListFilter):
    """Filters by the day of creation, from one day to another, both included.

    Unlike a date hierarchy, it reads only the rows of these days.
    """

    title = "day (UTC)"
    template = "admin/day_range_filter.html"
    parameters = ("created_from", "created_to")

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.days = {name: params.pop(name)[-1] for name in self.parameters if name in params}

    def expected_parameters(self) -> list[str | None]:
        return list(self.parameters)

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Any:
        """For the template: the days in the form, and the other filters, which the form keeps."""
        kept = changelist.get_filters_params()
        others = [(name, value) for name, values in kept.items() if name not in self.parameters for value in values]
        yield {"days": self.days, "others": [*others, *([(SEARCH_VAR, changelist.query)] if changelist.query else [])]}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = (self._midnight(name) for name in self.parameters)
        if first is not None:
            queryset = queryset.filter(created_at__gte=first)
        if last is not None:
            queryset = queryset.filter(created_at__lt=last + timedelta(days=1))
        # A search leaves few rows anyway, and must find them among all of those days.
        return newest_found(queryset) if last is not None and not request.GET.get(SEARCH_VAR) else queryset

    def _midnight(self, name: str) -> datetime | None:
        text = self.days.get(name)
        if not text:
            return None
        try:
            day = parse_date(text)
        except ValueError:
            day = None
        if day is None or not 1900 < day.year < 9999:
            raise IncorrectLookupParameters(f"{text} is not a date.")
        return datetime.combine(day, time.min, tzinfo=UTC)


class EntryInline(ReadOnlyInline):
    """The entries of a transaction, on the transaction's page."""

    model = Entry
    fields = ("wallet_link", "sequence", "amount_shown", "balance_shown")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("wallet__owner").order_by("amount")

    @admin.display(description="wallet")
    def wallet_link(self, entry: Entry) -> str:
        return wallet_link(entry.wallet)

    @admin.display(description="amount")
    def amount_shown(self, entry: Entry) -> str:
        return money(entry.amount, entry.wallet.currency)

    @admin.display(description="balance after")
    def balance_shown(self, entry: Entry) -> str:
        return money(entry.balance_after, entry.wallet.currency)


@admin.register(Transaction)
class TransactionAdmin(ReadOnlyAdmin):
    """Every movement of money, newest first."""

    list_display = (
        "id",
        "created_shown",
        "kind",
        "status",
        "amount_shown",
        "source_link",
        "destination_link",
        "memo_shown",
    )
    # CreatedFilter is last: it looks for the newest rows among those that the other filters have left.
    list_filter = ("kind", "status", CurrencyFilter, CreatedFilter)
    list_select_related = ("source__owner", "destination__owner")
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = "Enter a full transaction id, wallet id, idempotency key, username or email."
    fields = (
        "id",
        "kind",
        "status",
        "amount_shown",
        "currency",
        "source_link",
        "destination_link",
        "memo_shown",
        "initiator_link",
        "idempotency_key",
        "created_shown",
        "settled_shown",
        "failure_code",
    )
    readonly_fields = fields
    inlines = (EntryInline,)

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return transactions_search(queryset, term)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        # Without NEWEST_FOUND_FIRST, Postgres might walk the ids instead of using the index on created_at.
        return [NEWEST_FOUND_FIRST] if request.GET.get("created_to") else ["-id"]

    @admin.display(description="amount")
    def amount_shown(self, transaction: Transaction) -> str:
        return money(transaction.amount, transaction.currency)

    @admin.display(description="created (UTC)")
    def created_shown(self, transaction: Transaction) -> str:
        return when(transaction.created_at)

    @admin.display(description="settled (UTC)")
    def settled_shown(self, transaction: Transaction) -> str:
        return when(transaction.settled_at)

    @admin.display(description="from")
    def source_link(self, transaction: Transaction) -> str:
        return wallet_link(transaction.source)

    @admin.display(description="to")
    def destination_link(self, transaction: Transaction) -> str:
        return wallet_link(transaction.destination)

    @admin.display(description="memo")
    def memo_shown(self, transaction: Transaction) -> str:
        return text_by_user(transaction.memo)

    @admin.display(description="initiator")
    def initiator_link(self, transaction: Transaction) -> str:
        url = reverse("admin:wallets_user_change", args=[transaction.initiator_id])
        return format_html('<a href="{}">{}</a>', url, transaction.initiator.get_username())


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """All entries, newest first. Searching for a wallet shows its account."""

    list_display = (
        "id",
        "created_shown",
        "wallet_link",
        "sequence",
        "amount_shown",
        "balance_shown",
        "transaction_link",
    )
    list_select_related = ("wallet__owner",)
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = "Enter a full wallet id, transaction id, username or email."
    fields = list_display
    readonly_fields = fields

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return entries_search(queryset, term)

    @admin.display(description="wallet")
    def wallet_link(self, entry: Entry) -> str:
        return wallet_link(entry.wallet)

    @admin.display(description="amount")
    def amount_shown(self, entry: Entry) -> str:
        return money(entry.amount, entry.wallet.currency)

    @admin.display(description="balance after")
    def balance_shown(self, entry: Entry) -> str:
        return money(entry.balance_after, entry.wallet.currency)

    @admin.display(description="created (UTC)")
    def created_shown(self, entry: Entry) -> str:
        return when(entry.created_at)

    @admin.display(description="transaction")
    def transaction_link(self, entry: Entry) -> str:
        return transaction_link(entry.transaction_id)
