"""Dead letters, which are transfers that were given up after their last attempt, and what staff did about them."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.text import Truncator

from kit.admin.big_tables import ReadOnlyAdmin, number_parse, when
from transactions.admin.jobs import JobColumnsMixin
from transactions.admin.links import age, transaction_link
from transactions.admin.settlement import confirm_redirect, confirm_view, dry_run_view
from transactions.models import DeadLetter, DeadLetterAction
from wallets.admin.people import people_matching
from wallets.models import Wallet


@admin.register(DeadLetter)
class DeadLetterAdmin(JobColumnsMixin, ReadOnlyAdmin):
    """Dead letters, longest waiting first. The settlement services replay and fail them."""

    list_display = (
        "transaction_id",
        "since_shown",
        "age",
        "source_link",
        "destination_link",
        "amount_shown",
        "attempts",
        "fault_short",
    )
    list_select_related = ("transaction__source__owner", "transaction__destination__owner")
    ordering = ("dead_at", "id")
    search_fields = ("transaction",)
    search_help_text = "Enter a full transaction id, or the beginning of either side's username or email."
    fields = (
        "transaction_link",
        "source_link",
        "destination_link",
        "amount_shown",
        "memo",
        "initiator_link",
        "idempotency_key",
        "accepted_shown",
        "since_shown",
        "age",
        "attempts",
        "fault_shown",
        "partition",
    )
    readonly_fields = fields
    actions = ("replay", "fail")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(dead_at__isnull=False)

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        number = number_parse(term)
        if number is not None and queryset.filter(transaction=number).exists():
            return queryset.filter(transaction=number)
        wallets = Wallet.objects.filter(people_matching(term, prefix="owner__")).values("id")
        return queryset.filter(Q(source__in=wallets) | Q(transaction__destination__in=wallets))

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Whether the user may try out, replay and fail dead letters."""
        return self.has_view_permission(request) and request.user.has_perm("transactions.settle_dead_letters")

    def get_urls(self) -> list[URLPattern]:
        confirm = self.admin_site.admin_view(self.settle_view)
        dry_run = self.admin_site.admin_view(self.dry_run_view)
        return [
            path("settle/<slug:name>/", confirm, name="transactions_deadletter_settle"),
            path("dry-run/<slug:transaction_id>/", dry_run, name="transactions_deadletter_dry_run"),
            *super().get_urls(),
        ]

    def settle_view(self, request: HttpRequest, name: str) -> HttpResponse:
        self._settle_permission_check(request)
        return confirm_view(self, request, name)

    def dry_run_view(self, request: HttpRequest, transaction_id: str) -> HttpResponse:
        self._settle_permission_check(request)
        return dry_run_view(self, request, transaction_id)

    def _settle_permission_check(self, request: HttpRequest) -> None:
        if not self.has_settle_permission(request):
            raise PermissionDenied

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Adds earlier actions on this transfer, and whether the user may settle it."""
        trail = DeadLetterAction.objects.filter(transaction=context["original"].transaction_id)
        context["actions_before"] = trail.select_related("actor")
        context["may_settle"] = self.has_settle_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(description="Replay selected transfers", permissions=["settle"])
    def replay(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> HttpResponse | None:
        return confirm_redirect(self, request, "replay", queryset)

    @admin.action(description="Fail selected transfers", permissions=["settle"])
    def fail(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> HttpResponse | None:
        return confirm_redirect(self, request, "fail", queryset)

    @admin.display(description="dead since (UTC)")
    def since_shown(self, dead: DeadLetter) -> str:
        return when(dead.dead_at)

    @admin.display(description="dead for")
    def age(self, dead: DeadLetter) -> str:
        return age(dead.dead_at)

    @admin.display(description="last fault")
    def fault_short(self, dead: DeadLetter) -> str:
        return Truncator(dead.last_fault).chars(120)


@admin.register(DeadLetterAction)
class DeadLetterActionAdmin(ReadOnlyAdmin):
    """Everything that staff did about dead letters, newest first."""

    list_display = ("acted_shown", "action", "transaction_link", "acted_by", "note", "attempts", "fault_short")
    list_filter = ("action",)
    list_select_related = ("actor",)
    ordering = ("-id",)
    search_fields = ("transaction",)
    search_help_text = "Enter a full transaction id, or the beginning of the staff member's username or email."
    fields = ("acted_shown", "action", "transaction_link", "acted_by", "note", "attempts", "fault")
    readonly_fields = fields

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        number = number_parse(term)
        if number is not None and queryset.filter(transaction=number).exists():
            return queryset.filter(transaction=number)
        return queryset.filter(people_matching(term, prefix="actor__"))

    @admin.display(description="when (UTC)")
    def acted_shown(self, action: DeadLetterAction) -> str:
        return when(action.created_at)

    @admin.display(description="by")
    def acted_by(self, action: DeadLetterAction) -> str:
        return action.actor.get_username() if action.actor else "unknown"

    @admin.display(description="transaction")
    def transaction_link(self, action: DeadLetterAction) -> str:
        return transaction_link(action.transaction_id)

    @admin.display(description="fault")
    def fault_short(self, action: DeadLetterAction) -> str:
        return Truncator(action.fault).chars(80)
