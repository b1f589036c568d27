"""The page that leads to everything about the account, and the user's name."""

from allauth.account.models import EmailAddress
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from wallets.domain.errors import WalletError
from wallets.forms.wallets import DisplayNameForm
from wallets.pages import PersonRequest, page
from wallets.selectors import account_get, tokens_questioned
from wallets.services import display_name_set

UNPROCESSABLE = 422


@require_safe
@page
def settings_page(request: PersonRequest) -> HttpResponse:
    """Links to everything about the account."""
    context = {
        "account": account_get(user=request.user),
        "pending_email": EmailAddress.objects.get_new(request.user),
        "questioned_count": tokens_questioned(owner=request.user).count(),
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
