"""Freezing, reopening and closing wallets: a page that lists them, asks for a reason and calls the service."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db import OperationalError, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from psycopg.errors import LockNotAvailable

from kit.admin.big_tables import ReadOnlyAdmin, number_parse
from wallets.domain.errors import WalletError
from wallets.models import User, Wallet, WalletStatus
from wallets.services import wallet_close, wallet_freeze, wallet_reopen

#: How many wallets can be changed at once.
WALLETS_MAX = 100


@dataclass(frozen=True, slots=True)
class Change:
    """A change of status: its verb, the service that makes it, and the statuses in which a wallet can be changed."""

    name: str
    past: str
    service: Callable[..., bool]
    applies_to: Sequence[WalletStatus]
    meaning: str


CHANGES: Mapping[str, Change] = {
    change.name: change
    for change in (
        Change(
            "freeze",
            "frozen",
            wallet_freeze,
            [WalletStatus.OPEN],
            "No money can move in or out until the wallet is reopened.",
        ),
        Change(
            "reopen",
            "reopened",
            wallet_reopen,
            [WalletStatus.FROZEN, WalletStatus.CLOSED],
            "Money can move in and out again.",
        ),
        Change(
            "close",
            "closed",
            wallet_close,
            [WalletStatus.OPEN, WalletStatus.FROZEN],
            "Only empty wallets can be closed.",
        ),
    )
}


class ReasonForm(forms.Form):
    """Why a wallet is frozen, reopened or closed. The reason is kept in the wallet's audit trail."""

    reason = forms.CharField(
        max_length=500,
        widget=AdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
        help_text="Stored permanently with your name. Visible to staff, but not to the owner.",
    )


def confirm_redirect(
    model_admin: ReadOnlyAdmin, request: HttpRequest, name: str, wallets: QuerySet[Wallet]
) -> HttpResponse | None:
    """Redirects from a selection in the list to the page that asks for a reason."""
    ids = list(wallets.order_by("-id").values_list("id", flat=True)[: WALLETS_MAX + 1])
    if len(ids) > WALLETS_MAX:
        model_admin.message_user(request, f"Select at most {WALLETS_MAX} wallets.", messages.ERROR)
        return None
    url = reverse("admin:wallets_wallet_status", args=[name])
    return HttpResponseRedirect(f"{url}?{urlencode({'ids': ','.join(map(str, ids))})}")


def confirm_view(model_admin: ReadOnlyAdmin, request: HttpRequest, name: str) -> HttpResponse:
    """Shows the wallets and asks for a reason. After a POST with a reason, makes the change."""
    change = CHANGES.get(name)
    if change is None:
        raise Http404
    wallets = _wallets(request.GET.get("ids", ""))
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        for wallet in wallets:
            _change(model_admin, request, wallet, change, form.cleaned_data["reason"])
        return HttpResponseRedirect(_back_url(wallets))
    affected = [wallet for wallet in wallets if wallet.status in change.applies_to]
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": _title(change, affected),
        "opts": Wallet._meta,  # noqa: SLF001 - Django's documented model API
        "action": change,
        "affected": affected,
        "left_out": [wallet for wallet in wallets if wallet.status not in change.applies_to],
        "form": form,
        "back_url": _back_url(wallets),
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/wallets/wallet/status.html", context, status=status)


def _title(change: Change, wallets: Sequence[Wallet]) -> str:
    if not wallets:
        return f"Nothing to {change.name}"
    return f"{change.name.capitalize()} {wallets[0] if len(wallets) == 1 else f'{len(wallets)} wallets'}?"


def _wallets(ids: str) -> list[Wallet]:
    numbers = [number_parse(word) for word in ids.split(",")[:WALLETS_MAX]]
    wallets = Wallet.objects.filter(id__in=[n for n in numbers if n is not None], owner__isnull=False)
    found = list(wallets.select_related("owner").order_by("-id"))
    if not found:
        raise Http404("These wallets do not exist.")
    return found


def _change(model_admin: ReadOnlyAdmin, request: HttpRequest, wallet: Wallet, change: Change, reason: str) -> None:
    """Changes one wallet in its own database transaction, logs it in the admin's log, and reports the outcome."""
    assert isinstance(request.user, User)  # noqa: S101 - the permission was checked
    changed = False
    try:
        if wallet.status in change.applies_to:
            with transaction.atomic():
                changed = change.service(wallet_id=wallet.id, actor=request.user, reason=reason)
                if changed:
                    model_admin.log_change(request, wallet, f"{change.past.capitalize()}: {reason}")
    except WalletError as error:
        model_admin.message_user(request, f"Not {change.past}: {wallet}. {error.detail}", messages.ERROR)
        return
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        model_admin.message_user(request, f"Not {change.past}: {wallet}. It is in use; try again.", messages.ERROR)
        return
    if changed:
        model_admin.message_user(request, f"{change.past.capitalize()}: {wallet}.", messages.SUCCESS)
    else:
        model_admin.message_user(request, f"Unchanged: {wallet}.", messages.WARNING)


def _back_url(wallets: Sequence[Wallet]) -> str:
    if len(wallets) == 1:
        return reverse("admin:wallets_wallet_change", args=[wallets[0].id])
    return reverse("admin:wallets_wallet_changelist")
