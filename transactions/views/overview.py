"""The first page: the balance, what can be done, and what happened last; for strangers, what this is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie

from transactions.selectors import EntryPage, HistoryQuery, entry_page
from transactions.views.choice import wallet_of, wallets_of
from transactions.views.rows import days_of, people_of, row_of
from transactions.views.unmoved import NOTHING_UNMOVED, unmoved_of
from wallets.pages import PersonRequest, page

#: How many movements are shown; a few more are read, to find the people paid last.
SHOWN = 8
READ = 30
PEOPLE = 5
UNMOVED_SHOWN = 5


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
    unmoved = NOTHING_UNMOVED
    if wallet is not None:
        unmoved = unmoved_of(wallet_id=wallet.id, limit=UNMOVED_SHOWN)
        found = entry_page(wallet_id=wallet.id, query=HistoryQuery(limit=READ))
    # What failed stands at its time among what moved; what is on its way has no time yet, and stands above both.
    rows = sorted([*unmoved.failed, *map(row_of, found.entries)], key=lambda row: row.at, reverse=True)
    context = {
        "wallets": wallets,
        "wallet": wallet,
        "unmoved": unmoved.without(found.entries),
        "days": days_of(rows[:SHOWN]),
        "has_more": len(rows) > SHOWN or unmoved.more_pending,
        "people": people_of(found.entries, limit=PEOPLE),
    }
    return render(request, "transactions/dashboard.html", context)
