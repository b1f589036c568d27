"""The account pages: allauth's, and our own, which replace some of allauth's or add to them.

A form changes everything that it stands for, and queues the mails about it, or changes nothing. allauth changes a
password first and sends the mail about it last. Without the database transaction around both, a process that died in
between would have changed the password without telling its owner.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

import allauth.urls
from django.contrib.auth.decorators import login_required
from django.db import connection, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from wallets.auth import views
from wallets.auth.asking import ASKED_AFTER, then_ask
from wallets.auth.passkeys import views as passkey_views

#: They check a password or a code and change nothing else. What they record about a failed attempt must be committed
#: even if the attempt ends in an error, and no lock may be held while they hash.
_NOT_ATOMIC = {
    "account_login",
    "account_logout",
    "account_reauthenticate",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
}

View = Callable[..., HttpResponseBase]


def _atomic(view: View) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with transaction.atomic():
            response = view(request, *args, **kwargs)
            _after_commit_run_now()
        return response

    return wrapped


def _after_commit_run_now() -> None:
    """Runs what allauth has put off until after the commit: messages, and the mails about second factors. The mails
    would otherwise be lost if the process died after the commit."""
    hooks = connection.run_on_commit
    is_allauths = [getattr(hook[1], "__module__", "").startswith("allauth.") for hook in hooks]
    connection.run_on_commit = [hook for hook, is_theirs in zip(hooks, is_allauths, strict=True) if not is_theirs]
    for hook, is_theirs in zip(hooks, is_allauths, strict=True):
        if is_theirs:
            hook[1]()


def _all_atomic(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[URLPattern | URLResolver]:
    for each in patterns:
        if isinstance(each, URLResolver):
            inner = list(_all_atomic(each.url_patterns))
            yield URLResolver(each.pattern, inner, each.default_kwargs, each.app_name, each.namespace)
        elif each.name in _NOT_ATOMIC:
            yield each
        else:
            view = _atomic(each.callback)
            view = then_ask(view) if each.name in ASKED_AFTER else view
            yield URLPattern(each.pattern, view, each.default_args, each.name)


#: Before allauth's, because they replace some of them.
_OWN = [
    path("email/", login_required(views.EmailView.as_view()), name="account_email"),
    path("email/undo/<str:key>/", views.email_change_undo, name="email_change_undo"),
    path("2fa/authenticate/", passkey_views.AuthenticateView.as_view(), name="mfa_authenticate"),
    path("2fa/totp/deactivate/", passkey_views.DeactivateTOTPView.as_view(), name="mfa_deactivate_totp"),
    path("2fa/webauthn/", RedirectView.as_view(pattern_name="mfa_index"), name="mfa_list_webauthn"),
    path("2fa/webauthn/add/", passkey_views.AddView.as_view(), name="mfa_add_webauthn"),
    path("2fa/webauthn/login/", passkey_views.LoginView.as_view(), name="mfa_login_webauthn"),
    path(
        "2fa/webauthn/reauthenticate/", passkey_views.ReauthenticateView.as_view(), name="mfa_reauthenticate_webauthn"
    ),
    path("2fa/webauthn/keys/<int:pk>/edit/", passkey_views.EditView.as_view(), name="mfa_edit_webauthn"),
    path("2fa/webauthn/keys/<int:pk>/remove/", passkey_views.RemoveView.as_view(), name="mfa_remove_webauthn"),
]
urlpatterns = list(_all_atomic([*_OWN, *allauth.urls.urlpatterns]))
