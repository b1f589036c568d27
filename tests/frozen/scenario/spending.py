"""Spending limits of a wallet: setting them, and what they refuse, over REST, gRPC and on the pages."""

import json

from tests.frozen.cast import Play
from tests.frozen.wire import JSON, Answer, Client


def play(play: Play) -> None:
    """A wallet in Swedish kronor, so that nobody misses it later."""
    alice = play.alice
    for person in (alice, play.bob):
        person.api.post(None, "/api/v1/wallets", {"currency": "SEK"})
        play.wallets_learn(person)
    wallet = f"/api/v1/wallets/{alice.wallets['SEK']}"
    alice.api.post(None, f"{wallet}/deposits", {"amount": 100_00})
    _set(play, f"{wallet}/limits")
    _refused(play, wallet)
    _raised(play, f"{wallet}/limits")
    _pages(play)


def _put(client: Client, title: str, path: str, body: object) -> Answer:
    return client.send(title, "PUT", path, json.dumps(body).encode(), Content_Type=JSON)


def _set(play: Play, path: str) -> None:
    api = play.alice.api
    api.get("Alice's wallet has no limits", path)
    limits = {"per_payment": 30_00, "per_day": 50_00}
    _put(api, "She sets limits", path, limits)
    read = api.get("They count at once", path)
    api.get("She has them already", path, If_None_Match=read.header("ETag"))
    for title, body in {
        "Both limits are stated": {"per_day": 1},
        "A limit is no text": {**limits, "per_day": "1"},
        "A limit is not below zero": {**limits, "per_day": -1},
        "A limit is not above every amount": {**limits, "per_payment": 10**15},
        "There is no such limit": {**limits, "per_year": 1},
    }.items():
        _put(api, title, path, body)
    _put(play.bob.api, "Bob sets no limits for her", path, limits)
    play.bob.api.get("Nor does he see them", path)
    play.stranger.get("A stranger sees none", path)
    api.post("Limits are put, not posted", path, limits)


def _refused(play: Play, wallet: str) -> None:
    alice, bob = play.alice, play.bob
    alice.api.post("A withdrawal above the limit per payment", f"{wallet}/withdrawals", {"amount": 30_01})
    alice.api.post("One up to it", f"{wallet}/withdrawals", {"amount": 30_00})
    transfer = {"source": alice.wallets["SEK"], "recipient": bob.name, "amount": 20_01}
    alice.api.post("A transfer above what is left today", "/api/v1/transfers", transfer)
    alice.api.post("It is not accepted either", "/api/v2/transfers", transfer)
    alice.api.post("A list is answered one by one", "/api/v2/transfers/bulk", {"transfers": [transfer]})
    alice.api.post("A transfer of what is left", "/api/v1/transfers", {**transfer, "amount": 20_00})
    alice.api.get("Nothing is left", f"{wallet}/limits")


def _raised(play: Play, path: str) -> None:
    api = play.alice.api
    _put(api, "A raise counts in a day", path, {"per_payment": 40_00, "per_day": None})
    _put(api, "She cancels it", path, {"per_payment": 30_00, "per_day": 50_00})
    _put(api, "She lowers one, and raises the other", path, {"per_payment": 10_00, "per_day": 60_00})


def _pages(play: Play) -> None:
    browser = play.browse(play.alice)
    form = f"/limits/{play.alice.wallets['SEK']}/"
    browser.get("The page with the limits", "/limits/")
    browser.get("The page that changes them", form)
    browser.fill("An amount that is none", form, {"per_payment": "x", "per_day": "1", "step_up_above": "1"})
    browser.fill("She lowers one", form, {"per_payment": "5", "per_day": "60", "step_up_above": "50"})
    browser.fill("She cancels the raise", form, {"cancel": "1"})
    browser.get("Her limits stay as they are", "/limits/")
    browser.get("Bob's limits are not hers", f"/limits/{play.bob.wallets['SEK']}/")
