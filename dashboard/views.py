"""The first page: the balance, what can be done, and what happened last; for strangers, what this is.

While somebody looks at it, the page asks for what is in it again and again (`dashboard_live`). The question names the
state that the page shows, and while that is the newest the answer is an empty 304: nobody asks Postgres, nothing is
rendered, nothing on the screen is touched. Without JavaScript the page shows what was there when it was loaded.
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from kit.http.bodies import etag_of, json_bytes
from kit.http.conditional import etag_known, not_modified
from transactions.gateway.local import gateway
from transactions.reads import HistoryPage, UnpostedTransfers
from transactions.selectors import HistoryQuery
from transactions.views.choice import wallet_of, wallet_views_of
from transactions.views.rows import days_of, people_of, row_of
from transactions.views.unposted import unposted_rows
from wallets.pages import PersonRequest, page
from wallets.selectors import WalletView
from wallets.viewed import wallet_viewed

#: How many movements are shown; a few more are read, to find the people paid last.
SHOWN = 8
PEOPLE = 5
UNPOSTED_SHOWN = 5


@require_safe
@vary_on_headers("Cookie", "HX-Request")
def dashboard(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        if request.htmx:  # type: ignore[attr-defined]  # set by django-htmx
            # The session has ended under an open page. Of the page for strangers htmx could show no part.
            return HttpResponseClientRedirect(request.get_full_path())
        return render(request, "dashboard/landing.html")
    return _dashboard(request)


@page
def _dashboard(request: PersonRequest) -> HttpResponse:
    return render(request, "dashboard/dashboard.html", _overview(request).context())


@require_safe
@page
def dashboard_live(request: PersonRequest) -> HttpResponse:
    """What is in the page, as it is now; 304 where the page shows it already.

    It holds no secret beside what others wrote, and so may be compressed (`kit.http.conditional`).
    """
    overview = _overview(request)
    if etag_known(request, overview.etag):
        return not_modified(request, overview.etag)
    response = render(request, "dashboard/_overview_live.html", overview.context())
    response["ETag"] = overview.etag
    return response


@dataclass(frozen=True, kw_only=True)
class _Overview:
    """Everything that the page shows, or is made from."""

    wallets: list[WalletView]
    wallet: WalletView | None
    transfers: UnpostedTransfers

    @cached_property
    def etag(self) -> str:
        """Names the state without rendering it. The entries are told by the wallet's version."""
        now = timezone.localtime()
        # Days are called today and yesterday, and what has not moved says how many minutes old it is.
        clock = now.strftime("%Y-%m-%d %H:%M %Z" if self.transfers.pending or self.transfers.failed else "%Y-%m-%d %Z")
        views = [(view.id, view.status, view.balance, view.version) for view in self.wallets]
        chosen = self.wallet.id if self.wallet else None
        return etag_of(json_bytes([views, chosen, asdict(self.transfers), clock]))

    def context(self) -> dict[str, Any]:
        found = HistoryPage(entries=[], next=None, previous=None)
        if self.wallet is not None:
            found = gateway().history_page(wallet=self.wallet, query=HistoryQuery())
        unposted = unposted_rows(self.transfers, limit=UNPOSTED_SHOWN)
        # What failed stands at its time among what moved; what is on its way has no time yet, and stands above both.
        rows = sorted([*unposted.failed, *map(row_of, found.entries)], key=lambda row: row.at, reverse=True)
        return {
            "etag": self.etag,
            "wallets": self.wallets,
            "wallet": self.wallet,
            "unposted": unposted.without(found.entries),
            "days": days_of(rows[:SHOWN]),
            "has_more": len(rows) > SHOWN or unposted.more_pending,
            "people": people_of(found.entries, limit=PEOPLE),
        }


def _overview(request: PersonRequest) -> _Overview:
    wallets = wallet_views_of(request.user)
    wallet = wallet_of(request, wallets)
    if wallet is None:
        return _Overview(wallets=wallets, wallet=None, transfers=UnpostedTransfers(pending=[], failed=[]))
    wallet_viewed(wallet.id)
    transfers = gateway().unposted_read(wallet=wallet)
    # Once more, and after it: see `unposted_read`.
    wallet = gateway().wallet_view_get(owner=request.user, wallet_id=wallet.id)
    wallets = [wallet if one.id == wallet.id else one for one in wallets]
    return _Overview(wallets=wallets, wallet=wallet, transfers=transfers)
