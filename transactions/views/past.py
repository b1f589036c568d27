"""Looking back: a wallet's history, and one transaction as a receipt."""

import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from transactions.forms import HistoryForm
from transactions.models import Kind, Status, Transaction
from transactions.selectors import EntryPage, entry_page, transaction_get
from transactions.views.choice import wallet_of, wallets_of
from transactions.views.rows import days_of, owner_name, side_of
from wallets.domain.errors import CATALOGUE, ErrorCode
from wallets.models import Wallet
from wallets.pages import PersonRequest, page

BAD_REQUEST = 400
NOTHING = EntryPage(entries=[], next=None, previous=None)
#: (kind, side) → the headline of a receipt once the money has moved.
HEADLINES = {
    (Kind.DEPOSIT, 1): "Money added",
    (Kind.WITHDRAWAL, -1): "Money withdrawn",
    (Kind.TRANSFER, -1): "Money sent",
    (Kind.TRANSFER, 1): "Money received",
}


@require_safe
@vary_on_headers("HX-Request")
@page
def history(request: PersonRequest) -> HttpResponse:
    """One page of a wallet's history; for htmx only the part of the page that changes."""
    wallets = wallets_of(request.user)
    wallet = wallet_of(request, wallets)
    form = HistoryForm(request.GET)
    valid = form.is_valid()
    found = NOTHING
    if wallet is not None and valid:
        found = entry_page(wallet_id=wallet.id, query=form.query(cursor=request.GET.get("cursor")))
    context = {
        "wallets": wallets,
        "wallet": wallet,
        "form": form,
        "is_filtered": form.has_changed(),
        # Whether a filter is set, or wrong, that is folded away otherwise.
        "is_narrowed": not valid or bool({"kind", "since", "until"} & set(form.changed_data)),
        **_list_context(request, wallet, found),
    }
    return render(request, _history_template(request), context, status=200 if valid else BAD_REQUEST)


def _history_template(request: PersonRequest) -> str:
    htmx = request.htmx  # type: ignore[attr-defined]  # set by django-htmx
    if not htmx or htmx.history_restore_request:
        return "transactions/history.html"
    return "transactions/_history_more.html" if htmx.target == "more" else "transactions/_history_results.html"


def _list_context(request: PersonRequest, wallet: Wallet | None, found: EntryPage) -> dict[str, Any]:
    kept = {name: value for name, value in request.GET.items() if name not in {"cursor", "after"} and value}
    if wallet is not None:
        kept["wallet"] = str(wallet.id)
    after = parse_date_or_none(request.GET.get("after", ""))
    last = timezone.localtime(found.entries[-1].created_at).date() if found.entries else None
    return {
        "days": days_of(found.entries, after=after),
        "older": urlencode({**kept, "cursor": found.next}) if found.next else "",
        "newer": urlencode({**kept, "cursor": found.previous}) if found.previous else "",
        "last_day": last.isoformat() if last else "",
    }


def parse_date_or_none(text: str) -> datetime.date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


@require_safe
@page
def transaction_page(request: PersonRequest, transaction_id: int) -> HttpResponse:
    transaction = transaction_get(user=request.user, transaction_id=transaction_id)
    side = side_of(transaction, user_id=request.user.pk)
    context = {
        "transaction": transaction,
        "side": side,
        "amount": side * transaction.amount,
        "headline": _headline(transaction, side),
        "sender": owner_name(transaction.source),
        "receiver": owner_name(transaction.destination),
        "other": owner_name(transaction.source if side > 0 else transaction.destination),
        "own_wallet": transaction.destination if side > 0 else transaction.source,
        "failure": _failure(transaction),
        "done": request.GET.get("done", ""),
    }
    return render(request, "transactions/transaction.html", context)


def _headline(transaction: Transaction, side: int) -> str:
    if transaction.status == Status.PENDING:
        return "On its way"
    if transaction.status == Status.FAILED:
        return "Not carried out"
    return HEADLINES[Kind(transaction.kind), side]


def _failure(transaction: Transaction) -> str:
    """Why it failed, in a sentence; empty where it did not."""
    if not transaction.failure_code:
        return ""
    try:
        return CATALOGUE[ErrorCode(transaction.failure_code)].title
    except ValueError:
        return transaction.failure_code
