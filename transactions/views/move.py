"""Adding and withdrawing money: one form each. A form moves money once, even if it is submitted repeatedly."""

from functools import partial
from typing import Protocol

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from kit.limits.forms import form_wait_s, too_many
from transactions.forms import AddForm, MoneyForm, WithdrawForm
from transactions.funding.mode import Funding, funding_is
from transactions.gateway.local import gateway
from transactions.services import Receipt
from transactions.spender import Spender
from transactions.views.choice import wallet_of, wallets_of
from wallets.auth.step_up import StepUpRequired, step_up_redirect
from wallets.domain.errors import WalletError
from wallets.models import WalletStatus
from wallets.pages import PersonRequest, page

#: The key in the session of a withdrawal that waits for step-up authentication, and the mark in the URL of the form
#: that shows it. Nothing of it appears in a URL.
DRAFT_SESSION_KEY = "withdraw_draft"
RESUMED = "continue"
FORBIDDEN = 403
UNPROCESSABLE = 422


class Move(Protocol):
    """The signature of `deposit_create` and `withdrawal_create` for one user."""

    def __call__(
        self, *, wallet_id: int, amount: int, memo: str = "", idempotency_key: str | None = None
    ) -> Receipt: ...


@require_http_methods(["GET", "HEAD", "POST"])
@page
def money_add(request: PersonRequest) -> HttpResponse:
    """A form where money is a demo; elsewhere, how else to add money."""
    if not funding_is(Funding.DEMO):
        context = {
            "wallets": [wallet for wallet in wallets_of(request.user) if wallet.status == WalletStatus.OPEN],
            "is_by_staff": funding_is(Funding.STAFF),
            "instructions": settings.FUNDING_INSTRUCTIONS,
        }
        return render(request, "transactions/money_add_closed.html", context, status=FORBIDDEN if request.POST else 200)
    move = partial(gateway().deposit_create, actor=request.user)
    return _form_page(request, form_class=AddForm, move=move, template="transactions/money_add.html")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def money_withdraw(request: PersonRequest) -> HttpResponse:
    """A form. If the withdrawal needs step-up authentication, the user comes back to the form as it was filled in."""
    template, move = "transactions/money_withdraw.html", Spender(actor=request.user, session=request).withdrawal_create
    try:
        page_ = _form_page(request, form_class=WithdrawForm, move=move, template=template)
    except StepUpRequired as error:
        request.session[DRAFT_SESSION_KEY] = {name: request.POST.get(name, "") for name in WithdrawForm.base_fields}
        return step_up_redirect(request, why=error.why, back=f"{reverse('money_withdraw')}?{RESUMED}")
    if request.method == "POST":
        request.session.pop(DRAFT_SESSION_KEY, None)
    return page_


def _form_page(request: PersonRequest, *, form_class: type[MoneyForm], move: Move, template: str) -> HttpResponse:
    wallets = wallets_of(request.user)
    if request.method != "POST":
        wallet = wallet_of(request, wallets)
        draft = request.session.get(DRAFT_SESSION_KEY) if RESUMED in request.GET else None
        form = form_class(wallets=wallets, initial=draft or {"wallet": str(wallet.id) if wallet else ""})
        return render(request, template, {"form": form, "is_resumed": draft is not None})
    form = form_class(request.POST, wallets=wallets)
    wait_s = form_wait_s(request)
    if wait_s is not None:
        form.refuse_for(wait_s=wait_s)
        return too_many(render(request, template, {"form": form}), wait_s=wait_s)
    receipt = _moved(form, move) if form.is_valid() else None
    if receipt is None:
        return render(request, template, {"form": form}, status=UNPROCESSABLE)
    return redirect_to_receipt(receipt)


def _moved(form: MoneyForm, move: Move) -> Receipt | None:
    """Moves the money and returns the receipt; if that is refused, shows the refusal in the form and returns None."""
    given = form.cleaned_data
    try:
        return move(
            wallet_id=given["wallet"],
            amount=given["amount"],
            memo=given["memo"],
            idempotency_key=given["idempotency_key"],
        )
    except StepUpRequired:
        raise
    except WalletError as error:
        form.refuse(error)
        return None


def redirect_to_receipt(receipt: Receipt) -> HttpResponse:
    """Redirects to the receipt. For a replay the page says that the money had moved before, so that no user believes to
    have paid twice."""
    done = "again" if receipt.replayed else "now"
    return redirect(f"{reverse('transaction_page', args=[receipt.transaction.pk])}?done={done}")
