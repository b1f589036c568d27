"""Transfers over REST v1."""

from typing import Any

from tests.frozen.cast import Play
from tests.frozen.scenario.deposits import NO_AMOUNTS
from tests.frozen.scenario.wallets import TOO_LARGE_ID, UNKNOWN_ID
from tests.frozen.wire import Answer

TRANSFERS = "/api/v1/transfers"


def play(play: Play) -> None:
    alice = play.alice
    alice.api.post(None, f"/api/v1/wallets/{alice.usd}/deposits", {"amount": 500_00})
    _sent(play, TRANSFERS)
    refused(play, TRANSFERS)
    amounts_refused(play, TRANSFERS)
    play.alice.api.get("A transfer is not a GET", TRANSFERS)


def _sent(play: Play, path: str) -> None:
    alice, bob = play.alice, play.bob
    body = {"source": alice.usd, "amount": 25_00}
    sent = alice.api.post("Alice pays Bob by his name", path, {**body, "recipient": "bob", "memo": "Lunch"})
    alice.api.get("The Location leads to it", sent.header("Location"))
    bob.api.get("Bob can read it, too", sent.header("Location"))
    alice.api.post("She pays him by his address", path, {**body, "recipient": "bob@example.com"})
    alice.api.post("Capitals make no difference", path, {**body, "recipient": "BOB"})
    alice.api.post("Nor does white space", path, {**body, "recipient": " bob "})
    alice.api.post("She pays into his wallet", path, {**body, "destination": bob.usd})
    euros = {"source": alice.wallets["EUR"], "recipient": "bob", "amount": 1_00}
    alice.api.post("She pays him euros: into his euro wallet", path, euros)
    alice.api.get("Her wallet has less", f"/api/v1/wallets/{alice.usd}")
    bob.api.get("His wallet has more", f"/api/v1/wallets/{bob.usd}")


def refused(play: Play, path: str) -> dict[str, Answer]:
    """What v1 and v2 refuse alike, or v2 accepts and fails later. Returns the answers by their titles."""
    alice, bob = play.alice, play.bob
    right: dict[str, Any] = {"source": alice.usd, "recipient": "bob", "amount": 1_00}
    to_wallet = {"source": alice.usd, "amount": 1_00}
    bodies: dict[str, dict[str, Any]] = {
        "There is not enough": {**right, "amount": 1_000_000_00},
        "Nobody has this name": {**right, "recipient": "nobody"},
        "Nobody has this address": {**right, "recipient": "nobody@example.com"},
        "Nobody has this wallet": {**to_wallet, "destination": UNKNOWN_ID},
        "She cannot pay herself by name": {**right, "recipient": "alice"},
        "She cannot pay into the wallet that pays": {**to_wallet, "destination": alice.usd},
        "She cannot pay dollars into her euros": {**to_wallet, "destination": alice.wallets["EUR"]},
        "Bob holds no yen": {**right, "source": alice.wallets["JPY"]},
        "She cannot pay dollars into his euros": {**to_wallet, "destination": bob.wallets["EUR"]},
        "The wallet that pays is Bob's": {**right, "source": bob.usd, "recipient": "charlie"},
        "The wallet that pays is nobody's": {**right, "source": UNKNOWN_ID},
        "Charlie's wallet would hold too much": {**to_wallet, "recipient": "charlie"},
        "There is a destination and a recipient": {**right, "destination": bob.usd},
        "There is neither destination nor recipient": to_wallet,
        "An id is no number": {**right, "source": int(alice.usd)},
        "An id is not null": {**to_wallet, "destination": None},
        "An id has 63 bits": {**to_wallet, "destination": TOO_LARGE_ID},
        "A recipient is no number": {**right, "recipient": 5},
        "A recipient is not empty": {**right, "recipient": " "},
        "A recipient is not that long": {**right, "recipient": "b" * 255},
        "A memo is not that long": {**right, "memo": "m" * 201},
        "A field is unknown": {**right, "currency": "USD"},
        "Everything is missing": {},
    }
    answers = {title: alice.api.post(title, path, body) for title, body in bodies.items()}
    play.stranger.post("A stranger sends nothing", path, right)
    return answers


def amounts_refused(play: Play, path: str) -> None:
    for amount, what in NO_AMOUNTS.items():
        body = f'{{"source": "{play.alice.usd}", "recipient": "bob", "amount": {amount}}}'
        shown = play.names.text(body)
        title = f"{what} is no amount"
        play.alice.api.send(title, "POST", path, body.encode(), shown=shown, Content_Type="application/json")
