"""Pages about email addresses, beside or instead of allauth's."""

from typing import Any

from allauth.account import views as allauth_views
from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from wallets.addresses import Undone, change_undo, change_undoable


class EmailView(allauth_views.EmailView):  # type: ignore[misc]  # allauth is untyped
    """allauth's page, without its way to choose an address that is not confirmed."""

    def _action_primary(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Does nothing: only the link in the mail makes an address the account's own."""


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def email_change_undo(request: HttpRequest, key: str) -> HttpResponse:
    """Undoes a change of email by the link that was mailed to the old address, and leads to a form for a new password.
    A POST does it, because mail programs open links to check them."""
    if request.method != "POST":
        change = change_undoable(key=key)
        return render(request, "account/email_undo.html", {"change": change}, status=200 if change else 404)
    with transaction.atomic():
        undone = change_undo(key=key)
        if undone is not None:
            _notify(undone)
    if undone is None:
        return render(request, "account/email_undo.html", {"change": None}, status=404)
    uid, token = user_pk_to_url_str(undone.user), default_token_generator.make_token(undone.user)
    return redirect("account_reset_password_from_key", uidb36=uid, key=token)


def _notify(undone: Undone) -> None:
    """Tells whoever holds the address that is removed, who may be the user after all."""
    if undone.new_email is None:
        return
    context = {"from_email": undone.new_email, "to_email": undone.old_email}
    get_adapter().send_notification_mail(
        "account/email/email_change_undone", undone.user, context, email=undone.new_email
    )
