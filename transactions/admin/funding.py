"""Pay-outs and proposals in the admin: lists, and the pages of `transactions.admin.decisions` that decide on them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import Truncator

from kit.admin.big_tables import ReadOnlyAdmin, number_parse, when
from transactions.admin.decisions import (
    PAYOUT_DECISIONS,
    PROPOSAL_DECISIONS,
    decision_redirect,
    decision_view,
)
from transactions.admin.links import age, transaction_link, wallet_link
from transactions.funding.mode import Funding, funding_is
from transactions.funding.proposals import DepositProposal, deposit_propose
from transactions.models import Payout, Proposal
from transactions.models.funding import REASON_LENGTH_MAX
from wallets.admin.columns import money
from wallets.domain.errors import WalletError
from wallets.domain.limits import MEMO_LENGTH_MAX
from wallets.domain.money import AmountError, amount_parse
from wallets.models import User, Wallet


class ProposalForm(forms.Form):
    """A deposit that a member of staff proposes."""

    wallet = forms.CharField(
        max_length=20,
        widget=AdminTextInputWidget(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text="The wallet's id, from its page.",
    )
    amount = forms.CharField(
        max_length=40, widget=AdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"})
    )
    memo = forms.CharField(
        label="Note",
        required=False,
        max_length=MEMO_LENGTH_MAX,
        widget=AdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="Shown to the wallet's owner.",
    )
    reason = forms.CharField(
        max_length=REASON_LENGTH_MAX,
        widget=AdminTextareaWidget(attrs={"rows": 3}),
        help_text="How you know of this money: the bank's reference, say. Stored permanently, visible to staff only.",
    )

    def clean_wallet(self) -> Wallet:
        number = number_parse(self.cleaned_data["wallet"].strip()) or 0
        wallet = Wallet.objects.filter(id=number, owner__isnull=False).select_related("owner").first()
        if wallet is None:
            raise forms.ValidationError("There is no wallet with this id.")
        return wallet

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "wallet" in cleaned and "amount" in cleaned:
            try:
                cleaned["amount"] = amount_parse(cleaned["amount"], currency=cleaned["wallet"].currency)
            except AmountError as error:
                self.add_error("amount", str(error))
        return cleaned


class DecisionFilter(admin.SimpleListFilter):
    """Proposals by their decision. Django's own filter would leave out those that wait, which staff look for."""

    title = "decision"
    parameter_name = "decision"
    _WAITING = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(self._WAITING, "Waiting"), *Proposal.Decision.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        chosen = self.value()
        if chosen is None:
            return queryset
        return queryset.filter(decision="" if chosen == self._WAITING else chosen)


class DecidableAdmin(ReadOnlyAdmin):
    """A list whose objects staff decide on."""

    decisions: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.decide_view)
        name = f"transactions_{self.opts.model_name}_decide"
        return [path("decide/<slug:name>/", view, name=name), *super().get_urls()]

    def decide_view(self, request: HttpRequest, name: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return decision_view(self, request, name, decisions=self.decisions)


@admin.register(Payout)
class PayoutAdmin(DecidableAdmin):
    """Pay-outs, oldest first. Staff filter by status to see what is open."""

    decisions = PAYOUT_DECISIONS
    list_display = ("withdrawal_link", "wallet_shown", "amount_shown", "status", "age", "reference_short")
    list_filter = ("status",)
    list_select_related = ("withdrawal__source__owner",)
    ordering = ("withdrawal",)
    search_fields = ("withdrawal",)
    search_help_text = "Enter the id of a withdrawal."
    fields = (
        *("withdrawal_link", "wallet_shown", "amount_shown", "status", "created_shown"),
        *("confirmed_shown", "reference", "returned_shown", "reason"),
    )
    readonly_fields = fields
    actions = ("confirm", "propose_return")

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        number = number_parse(term)
        return queryset.filter(withdrawal=number) if number is not None else queryset.none()

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("transactions.confirm_payout")

    def has_propose_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("transactions.propose_money")

    @admin.action(description="Confirm selected pay-outs", permissions=["confirm"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[Payout]) -> HttpResponse | None:
        return decision_redirect(self, request, "confirm", queryset)

    @admin.action(description="Propose to return selected pay-outs", permissions=["propose"])
    def propose_return(self, request: HttpRequest, queryset: QuerySet[Payout]) -> HttpResponse | None:
        return decision_redirect(self, request, "return", queryset)

    @admin.display(description="withdrawal")
    def withdrawal_link(self, payout: Payout) -> str:
        return transaction_link(payout.pk)

    @admin.display(description="wallet")
    def wallet_shown(self, payout: Payout) -> str:
        return wallet_link(payout.withdrawal.source)

    @admin.display(description="amount")
    def amount_shown(self, payout: Payout) -> str:
        return money(payout.withdrawal.amount, payout.withdrawal.currency)

    @admin.display(description="age")
    def age(self, payout: Payout) -> str:
        return age(payout.created_at)

    @admin.display(description="reference")
    def reference_short(self, payout: Payout) -> str:
        return Truncator(payout.reference).chars(40) or "-"

    @admin.display(description="withdrawn (UTC)")
    def created_shown(self, payout: Payout) -> str:
        return when(payout.created_at)

    @admin.display(description="confirmed (UTC)")
    def confirmed_shown(self, payout: Payout) -> str:
        return when(payout.confirmed_at)

    @admin.display(description="returned by")
    def returned_shown(self, payout: Payout) -> str:
        return transaction_link(payout.returned_by_id) if payout.returned_by_id else "-"


@admin.register(Proposal)
class ProposalAdmin(DecidableAdmin):
    """Proposals, newest first. Somebody other than the proposer approves or rejects them."""

    decisions = PROPOSAL_DECISIONS
    list_display = ("id", "kind", "wallet_shown", "amount_shown", "proposed_by", "age", "decision_shown", "decided_by")
    list_filter = (DecisionFilter, "kind")
    list_select_related = ("wallet__owner", "proposed_by", "decided_by")
    ordering = ("-id",)
    search_fields = ("wallet",)
    search_help_text = "Enter the id of a wallet."
    fields = (
        *("kind", "wallet_shown", "amount_shown", "memo", "reason", "proposed_by", "proposed_shown"),
        *("decision_shown", "decided_by", "decided_shown", "decision_reason", "transaction_shown"),
    )
    readonly_fields = fields
    actions = ("approve", "reject")

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        number = number_parse(term)
        return queryset.filter(wallet=number) if number is not None else queryset.none()

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("transactions.approve_money")

    def has_add_permission(self, request: HttpRequest, *_args: Any) -> bool:
        return request.user.has_perm("transactions.propose_money") and funding_is(Funding.STAFF)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """Asks for a deposit and proposes it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        initial = {"wallet": request.GET.get("wallet", "")}
        form = ProposalForm(request.POST if request.method == "POST" else None, initial=initial)
        if request.method == "POST" and form.is_valid() and self._proposed(request, form):
            self.message_user(request, "Proposed. A colleague has to approve it before money moves.")
            return HttpResponseRedirect(reverse("admin:transactions_proposal_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Propose a deposit",
            "opts": self.opts,
            "form": form,
        }
        template = "admin/transactions/proposal/propose.html"
        return TemplateResponse(request, template, context, status=422 if form.errors else 200)

    def _proposed(self, request: HttpRequest, form: ProposalForm) -> bool:
        assert isinstance(request.user, User)  # noqa: S101 - the permission was checked
        given = form.cleaned_data
        proposal = DepositProposal(
            wallet_id=given["wallet"].pk, amount=given["amount"], memo=given["memo"], reason=given["reason"]
        )
        try:
            deposit_propose(actor=request.user, proposal=proposal)
        except WalletError as error:
            form.add_error(None, error.detail)
            return False
        return True

    @admin.action(description="Approve selected proposals", permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Proposal]) -> HttpResponse | None:
        return decision_redirect(self, request, "approve", queryset)

    @admin.action(description="Reject selected proposals", permissions=["approve"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Proposal]) -> HttpResponse | None:
        return decision_redirect(self, request, "reject", queryset)

    @admin.display(description="wallet")
    def wallet_shown(self, proposal: Proposal) -> str:
        return wallet_link(proposal.wallet)

    @admin.display(description="amount")
    def amount_shown(self, proposal: Proposal) -> str:
        return money(proposal.amount, proposal.wallet.currency)

    @admin.display(description="age")
    def age(self, proposal: Proposal) -> str:
        return age(proposal.proposed_at)

    @admin.display(description="proposed (UTC)")
    def proposed_shown(self, proposal: Proposal) -> str:
        return when(proposal.proposed_at)

    @admin.display(description="decided (UTC)")
    def decided_shown(self, proposal: Proposal) -> str:
        return when(proposal.decided_at)

    @admin.display(description="decision")
    def decision_shown(self, proposal: Proposal) -> str:
        return proposal.get_decision_display() if proposal.decision else "Waiting"

    @admin.display(description="deposit")
    def transaction_shown(self, proposal: Proposal) -> str:
        return transaction_link(proposal.transaction_id) if proposal.transaction_id else "-"
