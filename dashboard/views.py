"""The dashboard: balances, actions and recent activity. An anonymous visitor gets the landing page.

While the page is visible, it polls `dashboard_live`. The request names the state that the page shows. If that state is
current, the answer is an empty 304: it needs no query and no rendering, and the screen does not change. Without
JavaScript the page shows the state at the time when it was loaded.
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
from wallets.auth.sessions.middleware import poll_made
from wallets.pages import PersonRequest, page
from wallets.selectors import WalletView
from wallets.viewed import wallet_viewed

#: How many transactions the page shows. It reads a few more, to find the users paid last.
SHOWN = 8
PEOPLE = 5
UNPOSTED_SHOWN = 5


@require_safe
@vary_on_headers("Cookie", "HX-Request")
def dashboard(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        if request.htmx:  # type: ignore[attr-defined]  # set by django-htmx
            # The session ended while the page was open. htmx cannot insert the landing page, so reload the whole page.
            return HttpResponseClientRedirect(request.get_full_path())
        return render(request, "dashboard/landing.html")
    return _dashboard(request)


@page
def _dashboard(request: PersonRequest) -> HttpResponse:
    return render(request, "dashboard/dashboard.html", _overview(request).context())


@require_safe
@page
def dashboard_live(request: PersonRequest) -> HttpResponse:
    """The current content of the page; 304 if the page shows it already.

    The response contains no secret together with text that others wrote, so it may be compressed
    (`kit.http.conditional`).
    """
    poll_made(request)
    overview = _overview(request)
    if etag_known(request, overview.etag):
        return not_modified(request, overview.etag)
    response = render(request, "dashboard/_overview_live.html", overview.context())
    response["ETag"] = overview.etag
    return response


@dataclass(frozen=True, kw_only=True)
class _Overview:
    """The state from which the page is rendered."""

    wallets: list[WalletView]
    wallet: WalletView | None
    transfers: UnpostedTransfers

    @cached_property
    def etag(self) -> str:
        """Identifies the state without rendering it. The wallet's version stands for its entries."""
        now = timezone.localtime()
        # The page says "today" and "yesterday", and shows the age of unposted transfers in minutes.
        clock = now.strftime("%Y-%m-%d %H:%M %Z" if self.transfers.pending or self.transfers.failed else "%Y-%m-%d %Z")
        views = [(view.id, view.status, view.balance, view.version) for view in self.wallets]
        chosen = self.wallet.id if self.wallet else None
        return etag_of(json_bytes([views, chosen, asdict(self.transfers), clock]))

    def context(self) -> dict[str, Any]:
        found = HistoryPage(entries=[], next=None, previous=None)
        if self.wallet is not None:
            found = gateway().history_page(wallet=self.wallet, query=HistoryQuery())
        unposted = unposted_rows(self.transfers, limit=UNPOSTED_SHOWN)
        # Failed transfers are sorted among the entries by time. Pending ones have no time yet and stand above both.
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
    # Read the view again, after the unposted transfers; `unposted_read` says why.
    wallet = gateway().wallet_view_get(owner=request.user, wallet_id=wallet.id)
    wallets = [wallet if view.id == wallet.id else view for view in wallets]
    return _Overview(wallets=wallets, wallet=wallet, transfers=transfers)
