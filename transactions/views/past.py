"""The page of a wallet's history."""

import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from transactions.contract import moment_of
from transactions.forms import HistoryForm
from transactions.gateway.local import gateway
from transactions.models import Kind
from transactions.reads import UNPOSTED_MAX, HistoryPage
from transactions.views.choice import wallet_of, wallet_views_of
from transactions.views.rows import days_of, row_of
from transactions.views.unposted import NOTHING_UNPOSTED, unposted_rows
from wallets.pages import PersonRequest, page
from wallets.selectors import WalletView

BAD_REQUEST = 400
NOTHING = HistoryPage(entries=[], next=None, previous=None)


@require_safe
@vary_on_headers("HX-Request")
@page
def history(request: PersonRequest) -> HttpResponse:
    """One page of a wallet's history; for htmx, only the part that changes."""
    wallets = wallet_views_of(request.user)
    wallet = wallet_of(request, wallets)
    form = HistoryForm(request.GET)
    valid = form.is_valid()
    found, unposted = NOTHING, NOTHING_UNPOSTED
    if wallet is not None and valid:
        if _is_top(request, form):
            unposted = unposted_rows(gateway().unposted_read(wallet=wallet), limit=UNPOSTED_MAX)
            # Read the view again, after the unposted transfers; `unposted_read` says why.
            wallet = gateway().wallet_view_get(owner=request.user, wallet_id=wallet.id)
        found = gateway().history_page(wallet=wallet, query=form.query(cursor=request.GET.get("cursor")))
    context = {
        "wallets": wallets,
        "wallet": wallet,
        "form": form,
        "unposted": unposted.without(found.entries),
        "is_filtered": form.has_changed(),
        # Whether to unfold the filters that are folded by default: one of them is set or invalid.
        "is_narrowed": not valid or bool({"kind", "since", "until"} & set(form.changed_data)),
        **_list_context(request, wallet, found),
    }
    return render(request, _history_template(request), context, status=200 if valid else BAD_REQUEST)


def _is_top(request: PersonRequest, form: HistoryForm) -> bool:
    """Whether unposted transfers belong above this page. They are the newest outgoing transfers and have no day, so not
    on later pages, nor if the filters ask for days, incoming money or other kinds."""
    asked = form.cleaned_data
    if "cursor" in request.GET or asked["since"] or asked["until"]:
        return False
    return asked["direction"] != "in" and asked["kind"] in {"", Kind.TRANSFER}


def _history_template(request: PersonRequest) -> str:
    htmx = request.htmx  # type: ignore[attr-defined]  # set by django-htmx
    if not htmx or htmx.history_restore_request:
        return "transactions/history.html"
    return "transactions/_history_more.html" if htmx.target == "more" else "transactions/_history_results.html"


def _list_context(request: PersonRequest, wallet: WalletView | None, found: HistoryPage) -> dict[str, Any]:
    kept = {name: value for name, value in request.GET.items() if name not in {"cursor", "after"} and value}
    if wallet is not None:
        kept["wallet"] = str(wallet.id)
    after = parse_date_or_none(request.GET.get("after", ""))
    last = timezone.localtime(moment_of(found.entries[-1]["created_at"])).date() if found.entries else None
    return {
        "days": days_of([row_of(entry) for entry in found.entries], after=after),
        "older": urlencode({**kept, "cursor": found.next}) if found.next else "",
        "newer": urlencode({**kept, "cursor": found.previous}) if found.previous else "",
        "last_day": last.isoformat() if last else "",
    }


def parse_date_or_none(text: str) -> datetime.date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None
