"""After a change of email or second factors, leads to the question whether to keep the API tokens."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from wallets.selectors import tokens_questioned

#: The pages whose forms may raise the question.
ASKED_AFTER = {
    "account_confirm_email",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_deactivate_totp",
    "mfa_generate_recovery_codes",
    "mfa_remove_webauthn",
}

View = Callable[..., HttpResponseBase]


def then_ask(view: View) -> View:
    """The view, with the question before the page to which it redirects. Who leaves without an answer is reminded in
    the settings."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        is_done = request.method == "POST" and isinstance(response, HttpResponseRedirect)
        if is_done and request.user.is_authenticated and tokens_questioned(owner=request.user):
            return redirect(f"{reverse('token_question')}?{urlencode({'next': response.url})}")  # type: ignore[attr-defined]
        return response

    return wrapped
