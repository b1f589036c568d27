"""A wallet's history over REST v1: pages, filters and cursors."""

import base64

from tests.frozen.cast import Play
from tests.frozen.scenario.wallets import UNKNOWN_ID


def play(play: Play) -> None:
    _pages(play)
    _filters(play)
    _refused(play)


def _pages(play: Play) -> None:
    bob = play.bob
    path = f"/api/v1/wallets/{bob.wallets['EUR']}"
    bob.api.get("A wallet with one entry", f"{path}/transactions")
    for amount in (1_00, 2_00, 3_00, 4_00):
        bob.api.post(None, f"{path}/deposits", {"amount": amount})
    first = bob.api.get("The first page of two", f"{path}/transactions?limit=2")
    second = bob.api.get("The next page", first.json()["next"])
    last = bob.api.get("The last page", second.json()["next"])
    bob.api.get("Back to the page before", last.json()["previous"])
    bob.api.post(None, f"{path}/withdrawals", {"amount": 50})
    bob.api.get("A newer page, where something has come since", second.json()["previous"])
    whole = bob.api.get("All of it on one page", f"{path}/transactions?limit=100")
    bob.api.get("He has that already", f"{path}/transactions?limit=100", If_None_Match=whole.header("ETag"))
    bob.api.send("The headers of it only", "HEAD", f"{path}/transactions?limit=100")
    packed = bob.api.get("It takes gzip", f"{path}/transactions", Accept_Encoding="gzip, br")
    bob.api.get("He has the packed one", f"{path}/transactions", If_None_Match=packed.header("ETag"))
    bob.api.get("It takes no gzip", f"{path}/transactions", Accept_Encoding="gzip;q=0")
    bob.api.get("It would rather have it plain", f"{path}/transactions", Accept_Encoding="gzip;q=0.5, identity")
    bob.api.get("It takes anything", f"{path}/transactions", Accept_Encoding="*")
    play.alice.api.get("A wallet without entries", f"/api/v1/wallets/{_new(play)}/transactions")


def _new(play: Play) -> str:
    """A wallet of Alice's in which nothing ever moved."""
    play.alice.api.post(None, "/api/v1/wallets", {"currency": "KWD"})
    play.wallets_learn(play.alice)
    return play.alice.wallets["KWD"]


def _filters(play: Play) -> None:
    bob = play.bob
    path = f"/api/v1/wallets/{bob.wallets['EUR']}/transactions"
    for title, query in {
        "Deposits only": "kind=deposit",
        "Withdrawals only": "kind=withdrawal",
        "Transfers only": "kind=transfer",
        "Only what came in": "direction=in",
        "Only what went out": "direction=out",
        "Deposits that went out": "kind=deposit&direction=out",
        "Since long ago, page by page": "since=2001-01-01T00:00:00Z&limit=1",
        "Since the far future": "since=2101-01-01T00:00:00%2B02:00",
        "Until long ago": "until=2001-01-01T00:00:00.5Z",
        "Everything at once": "kind=deposit&direction=in&since=2001-01-01T00:00:00Z&until=2101-01-01T00:00:00Z&limit=1",
    }.items():
        bob.api.get(title, f"{path}?{query}")
    first = bob.api.get("A filtered page", f"{path}?direction=in&limit=2").json()
    bob.api.get("Its next page keeps the filter", first["next"])


def _refused(play: Play) -> None:
    alice, bob = play.alice, play.bob
    path = f"/api/v1/wallets/{bob.wallets['EUR']}/transactions"
    for title, query in {
        "A limit is not 0": "limit=0",
        "A limit is not 101": "limit=101",
        "A limit is a number": "limit=ten",
        "There is no such kind": "kind=fee",
        "There is no such direction": "direction=up",
        "A time has a zone": "since=2026-01-01T00:00:00",
        "A time is no date": "until=2026-01-01",
        "There is no such time": "until=2026-02-30T00:00:00Z",
        "A cursor is none of ours": "cursor=nonsense",
        "A cursor is not empty": "cursor=",
        "A cursor is not that long": f"cursor={'c' * 101}",
        "A cursor names a direction": f"cursor={_cursor('sideways:3')}",
        "A cursor has a number": f"cursor={_cursor('older:x')}",
        "A parameter is given once": "limit=5&limit=6",
        "A parameter is known": "page=2",
        "Several things are wrong": "limit=0&kind=fee&page=2",
    }.items():
        bob.api.get(title, f"{path}?{query}")
    alice.api.get("Alice cannot read his history", path)
    alice.api.get("Nobody has this wallet", f"/api/v1/wallets/{UNKNOWN_ID}/transactions")
    play.stranger.get("A stranger reads no history", path)
    alice.api.post("A history is not a POST", path, {})


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
