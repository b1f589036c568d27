"""Adding and withdrawing money: one form each. A form moves money once, even if it is submitted repeatedly."""

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
from transactions.views.choice import wallet_of, wallets_of
from wallets.domain.errors import WalletError
from wallets.models import User, WalletStatus
from wallets.pages import PersonRequest, page

FORBIDDEN = 403
UNPROCESSABLE = 422


class Move(Protocol):
    """The signature of `deposit_create` and `withdrawal_create`."""

    def __call__(
        self, *, actor: User, wallet_id: int, amount: int, memo: str = "", idempotency_key: str | None = None
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
    return _form_page(
        request, form_class=AddForm, move=gateway().deposit_create, template="transactions/money_add.html"
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page
def money_withdraw(request: PersonRequest) -> HttpResponse:
    template = "transactions/money_withdraw.html"
    return _form_page(request, form_class=WithdrawForm, move=gateway().withdrawal_create, template=template)


def _form_page(request: PersonRequest, *, form_class: type[MoneyForm], move: Move, template: str) -> HttpResponse:
    wallets = wallets_of(request.user)
    if request.method != "POST":
        wallet = wallet_of(request, wallets)
        form = form_class(wallets=wallets, initial={"wallet": str(wallet.id) if wallet else ""})
        return render(request, template, {"form": form})
    form = form_class(request.POST, wallets=wallets)
    wait_s = form_wait_s(request)
    if wait_s is not None:
        form.refuse_for(wait_s=wait_s)
        return too_many(render(request, template, {"form": form}), wait_s=wait_s)
    receipt = _moved(request.user, form, move) if form.is_valid() else None
    if receipt is None:
        return render(request, template, {"form": form}, status=UNPROCESSABLE)
    return redirect_to_receipt(receipt)


def _moved(user: User, form: MoneyForm, move: Move) -> Receipt | None:
    """Moves the money and returns the receipt; if that is refused, shows the refusal in the form and returns None."""
    given = form.cleaned_data
    try:
        return move(
            actor=user,
            wallet_id=given["wallet"],
            amount=given["amount"],
            memo=given["memo"],
            idempotency_key=given["idempotency_key"],
        )
    except WalletError as error:
        form.refuse(error)
        return None


def redirect_to_receipt(receipt: Receipt) -> HttpResponse:
    """Redirects to the receipt. For a replay the page says that the money had moved before, so that no user believes to
    have paid twice."""
    done = "again" if receipt.replayed else "now"
    return redirect(f"{reverse('transaction_page', args=[receipt.transaction.pk])}?done={done}")
