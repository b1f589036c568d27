"""The pages about API tokens."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from wallets.auth.tokens import token_create, token_remove, tokens_remove_all, tokens_remove_questioned
from wallets.domain.errors import ErrorCode, WalletError
from wallets.forms.tokens import TokenForm
from wallets.gateway import wallet_gateway
from wallets.pages import PersonRequest, page
from wallets.selectors import token_list, tokens_questioned
from wallets.tokens.services import tokens_question_end

CREATED, UNPROCESSABLE = 201, 422


@require_http_methods(["GET", "HEAD", "POST"])
@page
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]  # allauth is untyped
def tokens_page(request: PersonRequest) -> HttpResponse:
    """The user's API tokens. The answer to the form shows the secret of a new token, once.

    Unlike other forms, this one does not redirect after a POST, because the secret is stored nowhere.
    """
    if request.method != "POST":
        return _tokens_shown(request, form=_form_empty(request))
    currencies = _currencies(request)
    form = TokenForm(request.POST, currencies=currencies)
    secret, status = "", UNPROCESSABLE
    if form.is_valid():
        try:
            _, secret = token_create(
                user=request.user,
                name=form.cleaned_data["name"],
                scopes=form.scopes,
                ceilings=form.ceilings,
                valid_for=form.valid_for,
            )
        except WalletError as error:
            if error.code != ErrorCode.NOT_AUTHENTICATED:
                raise
            # The session has ended since the request was authenticated.
            return redirect_to_login(request.path)
        form, status = TokenForm(currencies=currencies), CREATED
    return _tokens_shown(request, form=form, secret=secret, status=status)


def _form_empty(request: PersonRequest) -> TokenForm | None:
    """None while the wallet service is away: tokens can be revoked all the same."""
    try:
        return TokenForm(currencies=_currencies(request))
    except WalletError as error:
        if error.code != ErrorCode.UNAVAILABLE:
            raise
        return None


def _currencies(request: PersonRequest) -> list[str]:
    return [wallet.currency for wallet in wallet_gateway().wallet_view_list(owner=request.user)]


def _tokens_shown(
    request: PersonRequest, *, form: TokenForm | None, secret: str = "", status: int = 200
) -> HttpResponse:
    tokens = list(token_list(owner=request.user))
    asked = sum(token.questioned_at is not None for token in tokens)
    context = {"tokens": tokens, "form": form, "secret": secret, "questioned_count": asked}
    return render(request, "wallets/tokens.html", context, status=status)


@require_POST
@page
def token_revoke_page(request: PersonRequest) -> HttpResponse:
    # Postgres takes no NUL in a text, and no digest has one.
    token_remove(user=request.user, digest=request.POST.get("digest", "").replace("\0", ""))
    messages.success(request, "The token was revoked. Programs can no longer use it.")
    return redirect("token_list")


@require_POST
@page
def tokens_revoke_page(request: PersonRequest) -> HttpResponse:
    tokens_remove_all(user=request.user)
    messages.success(request, "All tokens were revoked. Programs can no longer use them.")
    return redirect("token_list")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def tokens_question_page(request: PersonRequest) -> HttpResponse:
    """Asks whether to keep the tokens that are older than a change of email or second factors. Nothing happens to them
    until the user answers."""
    following = request.POST.get("next") or request.GET.get("next") or ""
    # Django's `redirect` takes what is no path for the name of a page, and fails if there is none.
    if not following.startswith("/") or not url_has_allowed_host_and_scheme(following, allowed_hosts=None):
        following = ""
    tokens = tokens_questioned(owner=request.user)
    if request.method == "POST" and request.POST.get("answer") == "keep":
        tokens_question_end(user=request.user)
        messages.success(request, "Your API tokens still work.")
    elif request.method == "POST" and request.POST.get("answer") == "revoke":
        tokens_remove_questioned(user=request.user)
        messages.success(request, "The API tokens were revoked. Programs can no longer use them.")
    elif tokens:
        return render(request, "wallets/tokens_question.html", {"tokens": tokens, "next": following})
    return redirect(following or "settings")
