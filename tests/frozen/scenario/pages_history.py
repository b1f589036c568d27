"""The history in the browser, whole and in parts for htmx."""

from urllib.parse import urlsplit

from tests.frozen.cast import Play
from tests.frozen.pages import Page
from tests.frozen.wire import Client


def play(play: Play) -> None:
    browser, wallet = play.browse(play.alice), play.alice.usd
    _pages(browser, wallet)
    _filters(play, browser, wallet)


def _pages(browser: Client, wallet: str) -> None:
    first = browser.get("The newest entries", f"/history/?wallet={wallet}").page()
    browser.get("The newest entries of the first wallet", "/history/")
    more = _more(first)
    older = browser.get("Older entries", more)
    browser.get("Older entries, to be added below", more, HX_Request="true", HX_Target="more")
    browser.get("Older entries, to be shown instead", more, HX_Request="true", HX_Target="results")
    restored = {"HX_Request": "true", "HX_History_Restore_Request": "true"}
    browser.get("Older entries, the whole page for htmx", more, **restored)
    newer = next(link for link in older.page().links if "cursor=" in link and link != more)
    browser.get("Newer entries", f"/history/{newer}" if newer.startswith("?") else newer)
    browser.send("The headers only", "HEAD", f"/history/?wallet={wallet}")
    browser.send("No POST", "POST", "/history/")
    browser.get("A part, packed", f"/history/?wallet={wallet}", HX_Request="true", Accept_Encoding="gzip")


def _more(page: Page) -> str:
    """Where the older entries are."""
    link = next(link for link in page.links if "cursor=" in link)
    return f"/history/?{urlsplit(link).query}"


def _filters(play: Play, browser: Client, wallet: str) -> None:
    for title, query in {
        "Deposits": "kind=deposit",
        "Withdrawals": "kind=withdrawal",
        "Transfers out": "kind=transfer&direction=out",
        "Money in": "direction=in",
        "Since long ago": "since=2001-01-01&kind=withdrawal",
        "Until long ago": "until=2001-01-01",
        "A filter that is empty": "kind=&direction=&since=&until=&kind=withdrawal",
        "No such kind": "kind=fee",
        "No such day": "since=2001-02-30",
        "No day": "until=x",
        "From the end to the beginning": "since=2001-01-02&until=2001-01-01",
        "A cursor that is none": "cursor=nonsense",
    }.items():
        browser.get(title, f"/history/?wallet={wallet}&{query}")
        browser.get(f"{title}, for htmx", f"/history/?wallet={wallet}&{query}", HX_Request="true", HX_Target="results")
    browser.get("Bob's wallet", f"/history/?wallet={play.bob.usd}")
    browser.get("A wallet without entries", f"/history/?wallet={play.alice.wallets['KWD']}")
