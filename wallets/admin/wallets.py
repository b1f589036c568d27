"""Wallets in the admin, and the audit trail of freezing, reopening and closing them."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from kit.admin.big_tables import ReadOnlyAdmin, ReadOnlyInline, number_parse, when
from wallets.admin.columns import money
from wallets.admin.people import people_matching
from wallets.admin.status import CHANGES, confirm_redirect, confirm_view
from wallets.models import Wallet, WalletStatusEvent


class CurrencyFilter(admin.SimpleListFilter):
    """Filters by the currencies in use, which are those with an outside wallet."""

    title = "currency"
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        codes = Wallet.objects.filter(owner__isnull=True).order_by("currency").values_list("currency", flat=True)
        return [(code, code) for code in codes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        return queryset.filter(currency=self.value()) if self.value() else queryset


class EventColumnsMixin:
    """Columns for who changed a status and why, from the context that was stored with the change."""

    @admin.display(description="changed (UTC)")
    def changed_at(self, event: WalletStatusEvent) -> str:
        return when(event.pgh_created_at)

    @admin.display(description="by")
    def changed_by(self, event: WalletStatusEvent) -> str:
        return str((event.pgh_context or {}).get("actor_name", "unknown (changed in the database)"))

    @admin.display(description="reason")
    def reason(self, event: WalletStatusEvent) -> str:
        return str((event.pgh_context or {}).get("reason", ""))


class WalletStatusEventInline(EventColumnsMixin, ReadOnlyInline):
    """The audit trail of one wallet, on its page."""

    model = WalletStatusEvent
    fk_name = "pgh_obj"
    fields = ("changed_at", "status", "changed_by", "reason")
    readonly_fields = fields
    verbose_name_plural = "status changes"
    show_change_link = False


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    """Wallets, read-only. Freezing, reopening and closing ask for a reason and go through `wallets.services`."""

    list_display = ("id", "owner_shown", "currency", "status", "balance_shown", "version", "created_shown")
    list_filter = ("status", CurrencyFilter)
    list_select_related = ("owner",)
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = "Enter a wallet id, or the beginning of the owner's username or email."
    fields = ("id", "owner_link", "currency", "status", "balance_shown", "version", "created_shown", "updated_shown")
    readonly_fields = fields
    inlines = (WalletStatusEventInline,)
    actions = ("freeze", "reopen", "close")

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        number = number_parse(term)
        if number is not None and queryset.filter(id=number).exists():
            return queryset.filter(id=number)
        return queryset.filter(people_matching(term, prefix="owner__"))

    def has_freeze_permission(self, request: HttpRequest) -> bool:
        """Whether the user may freeze, reopen and close wallets."""
        return request.user.has_perm("wallets.freeze_wallet")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.status_view)
        return [path("status/<slug:name>/", view, name="wallets_wallet_status"), *super().get_urls()]

    def status_view(self, request: HttpRequest, name: str) -> HttpResponse:
        if not (self.has_view_permission(request) and self.has_freeze_permission(request)):
            raise PermissionDenied
        return confirm_view(self, request, name)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        extra = {"status_changes": CHANGES if self.has_freeze_permission(request) else {}, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra)

    @admin.action(description="Freeze selected wallets", permissions=["freeze"])
    def freeze(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> HttpResponse | None:
        return confirm_redirect(self, request, "freeze", queryset)

    @admin.action(description="Reopen selected wallets", permissions=["freeze"])
    def reopen(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> HttpResponse | None:
        return confirm_redirect(self, request, "reopen", queryset)

    @admin.action(description="Close selected wallets", permissions=["freeze"])
    def close(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> HttpResponse | None:
        return confirm_redirect(self, request, "close", queryset)

    @admin.display(description="owner")
    def owner_shown(self, wallet: Wallet) -> str:
        return wallet.owner.get_username() if wallet.owner else "outside world"

    @admin.display(description="owner")
    def owner_link(self, wallet: Wallet) -> str:
        if wallet.owner is None:
            return "outside world"
        url = reverse("admin:wallets_user_change", args=[wallet.owner.pk])
        return format_html('<a href="{}">{}</a>', url, wallet.owner.get_username())

    @admin.display(description="created (UTC)")
    def created_shown(self, wallet: Wallet) -> str:
        return when(wallet.created_at)

    @admin.display(description="last entry (UTC)")
    def updated_shown(self, wallet: Wallet) -> str:
        return when(wallet.updated_at) if wallet.version else "-"

    @admin.display(description="balance")
    def balance_shown(self, wallet: Wallet) -> str:
        return money(None if wallet.is_outside else wallet.balance, wallet.currency)


@admin.register(WalletStatusEvent)
class WalletStatusEventAdmin(EventColumnsMixin, ReadOnlyAdmin):
    """The whole audit trail, newest change first."""

    list_display = ("changed_at", "wallet", "status", "changed_by", "reason")
    list_filter = ("status",)
    list_select_related = ("pgh_obj__owner",)
    ordering = ("-pgh_id",)
    search_fields = ("pgh_obj",)
    search_help_text = "Enter a wallet id, or the beginning of the owner's username or email."
    fields = list_display
    readonly_fields = fields

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        number = number_parse(term)
        if number is not None and queryset.filter(pgh_obj=number).exists():
            return queryset.filter(pgh_obj=number)
        return queryset.filter(people_matching(term, prefix="pgh_obj__owner__"))

    @admin.display(description="wallet")
    def wallet(self, event: WalletStatusEvent) -> str:
        url = reverse("admin:wallets_wallet_change", args=[event.pgh_obj_id])
        return format_html('<a href="{}">{}</a>', url, event.pgh_obj)
