"""The page about wallets."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from wallets.domain.errors import ErrorCode, WalletError
from wallets.forms.wallets import WalletOpenForm
from wallets.gateway import wallet_gateway
from wallets.pages import PersonRequest, page

UNPROCESSABLE = 422


@require_http_methods(["GET", "HEAD", "POST"])
@page
def wallets_page(request: PersonRequest) -> HttpResponse:
    """Every wallet of this person, and a form that opens one more."""
    wallets = wallet_gateway().wallet_view_list(owner=request.user)
    taken = {wallet.currency for wallet in wallets}
    form = WalletOpenForm(request.POST if request.method == "POST" else None, taken=taken)
    if request.method == "POST":
        if form.is_valid() and _wallet_opened(request, form):
            return redirect("wallet_list")
        return render(request, "wallets/wallets.html", {"wallets": wallets, "form": form}, status=UNPROCESSABLE)
    return render(request, "wallets/wallets.html", {"wallets": wallets, "form": form})


def _wallet_opened(request: PersonRequest, form: WalletOpenForm) -> bool:
    currency = form.cleaned_data["currency"]
    try:
        wallet_gateway().wallet_open(owner=request.user, currency=currency)
    except WalletError as error:
        if error.code != ErrorCode.WALLET_EXISTS:
            raise
        form.add_error("currency", error.detail)
        return False
    messages.success(request, f"Your {currency} wallet is open.")
    return True
