"""The pages about wallets, API tokens and the user's account."""

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from wallets.auth.tokens import token_create, token_remove
from wallets.domain.errors import ErrorCode, WalletError
from wallets.forms import DisplayNameForm, TokenForm, WalletOpenForm
from wallets.gateway import wallet_gateway
from wallets.pages import PersonRequest, page
from wallets.selectors import account_get, token_list
from wallets.services import display_name_set

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


@require_http_methods(["GET", "HEAD", "POST"])
@page
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]  # allauth is untyped
def tokens_page(request: PersonRequest) -> HttpResponse:
    """The user's API tokens. The answer to the form shows the secret of a new token, once.

    Unlike other forms, this one does not redirect after a POST, because the secret is stored nowhere.
    """
    form = TokenForm(request.POST if request.method == "POST" else None)
    secret, status = "", 200
    if request.method == "POST":
        if form.is_valid():
            try:
                _, secret = token_create(user=request.user, name=form.cleaned_data["name"])
            except WalletError as error:
                if error.code != ErrorCode.NOT_AUTHENTICATED:
                    raise
                # The session has ended since the request was authenticated.
                return redirect_to_login(request.path)
            form, status = TokenForm(), 201
        else:
            status = UNPROCESSABLE
    context = {"tokens": token_list(owner=request.user), "form": form, "secret": secret}
    return render(request, "wallets/tokens.html", context, status=status)


@require_POST
@page
def token_revoke_page(request: PersonRequest) -> HttpResponse:
    token_remove(user=request.user, digest=request.POST.get("digest", ""))
    messages.success(request, "The token was revoked. Programs can no longer use it.")
    return redirect("token_list")


@require_safe
@page
def settings_page(request: PersonRequest) -> HttpResponse:
    """Links to everything about the account."""
    context = {
        "account": account_get(user=request.user),
        "pending_email": EmailAddress.objects.get_new(request.user),
        "is_mfa_enabled": is_mfa_enabled(request.user),
    }
    return render(request, "wallets/settings.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def display_name_page(request: PersonRequest) -> HttpResponse:
    """What the user wants to be called."""
    if request.method != "POST":
        form = DisplayNameForm(initial={"display_name": account_get(user=request.user).display_name})
        return render(request, "wallets/display_name.html", {"form": form})
    form = DisplayNameForm(request.POST)
    if form.is_valid() and _display_name_saved(request, form):
        messages.success(request, "Your name was changed.")
        return redirect("settings")
    return render(request, "wallets/display_name.html", {"form": form}, status=UNPROCESSABLE)


def _display_name_saved(request: PersonRequest, form: DisplayNameForm) -> bool:
    try:
        display_name_set(user=request.user, name=form.cleaned_data["display_name"])
    except WalletError as error:
        form.add_error("display_name", error.detail)
        return False
    return True
