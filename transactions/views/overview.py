"""The first page: the balance, what can be done, and what happened last; for strangers, what this is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie

from transactions.selectors import EntryPage, HistoryQuery, entry_page
from transactions.views.choice import wallet_of, wallets_of
from transactions.views.rows import days_of, people_of
from wallets.pages import PersonRequest, page

#: How many movements are shown; a few more are read, to find the people paid last.
SHOWN = 8
READ = 30
PEOPLE = 5


@require_safe
@vary_on_cookie
def dashboard(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return render(request, "landing.html")
    return _dashboard(request)


@page
def _dashboard(request: PersonRequest) -> HttpResponse:
    wallets = wallets_of(request.user)
    wallet = wallet_of(request, wallets)
    found = EntryPage(entries=[], next=None, previous=None)
    if wallet is not None:
        found = entry_page(wallet_id=wallet.id, query=HistoryQuery(limit=READ))
    context = {
        "wallets": wallets,
        "wallet": wallet,
        "days": days_of(found.entries[:SHOWN]),
        "has_more": len(found.entries) > SHOWN,
        "people": people_of(found.entries, limit=PEOPLE),
    }
    return render(request, "transactions/dashboard.html", context)
