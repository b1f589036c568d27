"""The jobs of accepted transfers: which wait, in which partition, and for how long. Read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from kit.admin.big_tables import ReadOnlyAdmin, number_parse, when
from transactions.admin.links import age, transaction_link, wallet_link
from transactions.models import Job
from transactions.settlement.overview import queue_overview
from wallets.admin.columns import money, text_by_user
from wallets.admin.people import people_matching
from wallets.models import Wallet


class JobColumnsMixin:
    """Columns for a job's transaction and its attempts."""

    @admin.display(description="transaction")
    def transaction_link(self, job: Job) -> str:
        return transaction_link(job.transaction_id)

    @admin.display(description="amount")
    def amount_shown(self, job: Job) -> str:
        return money(job.transaction.amount, job.transaction.currency)

    @admin.display(description="from")
    def source_link(self, job: Job) -> str:
        return wallet_link(job.transaction.source)

    @admin.display(description="to")
    def destination_link(self, job: Job) -> str:
        return wallet_link(job.transaction.destination)

    @admin.display(description="memo")
    def memo(self, job: Job) -> str:
        return text_by_user(job.transaction.memo)

    @admin.display(description="idempotency key")
    def idempotency_key(self, job: Job) -> str:
        return job.transaction.idempotency_key or "-"

    @admin.display(description="initiator")
    def initiator_link(self, job: Job) -> str:
        url = reverse("admin:wallets_user_change", args=[job.transaction.initiator_id])
        return format_html('<a href="{}">{}</a>', url, job.transaction.initiator.get_username())

    @admin.display(description="accepted (UTC)")
    def accepted_shown(self, job: Job) -> str:
        return when(job.transaction.created_at)

    @admin.display(description="not before (UTC)")
    def not_before_shown(self, job: Job) -> str:
        return when(job.not_before)

    @admin.display(description="last fault")
    def fault_shown(self, job: Job) -> str:
        return job.last_fault or "-"


@admin.register(Job)
class JobAdmin(JobColumnsMixin, ReadOnlyAdmin):
    """Jobs that wait to be settled, oldest first. Dead letters have their own list."""

    change_list_template = "admin/transactions/job/change_list.html"
    list_display = (
        "transaction_id",
        "accepted_shown",
        "age",
        "source_link",
        "destination_link",
        "amount_shown",
        "partition",
        "attempts",
        "not_before_shown",
    )
    list_select_related = ("transaction__source__owner", "transaction__destination__owner")
    ordering = ("id",)
    search_fields = ("transaction",)
    search_help_text = "Enter a full transaction id, or the beginning of the sender's username or email."
    fields = (
        "transaction_link",
        "source_link",
        "destination_link",
        "amount_shown",
        "initiator_link",
        "accepted_shown",
        "partition",
        "attempts",
        "not_before_shown",
        "fault_shown",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(dead_at__isnull=True)

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        number = number_parse(term)
        if number is not None and queryset.filter(transaction=number).exists():
            return queryset.filter(transaction=number)
        senders = Wallet.objects.filter(people_matching(term, prefix="owner__"))
        return queryset.filter(source__in=senders.values("id"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        # The overview above the list. Users without the permission get an error below, so it is not read for them.
        partitions = queue_overview() if self.has_view_permission(request) else []
        overview = {
            "partitions": [(figures, age(figures.oldest_at)) for figures in partitions],
            "waiting": sum(figures.waiting for figures in partitions),
            "held_back": sum(figures.held_back for figures in partitions),
            "oldest_age": age(min((figures.oldest_at for figures in partitions), default=None)),
        }
        response: HttpResponse = super().changelist_view(request, {"overview": overview, **(extra_context or {})})
        return response

    @admin.display(description="age")
    def age(self, job: Job) -> str:
        return age(job.transaction.created_at)
