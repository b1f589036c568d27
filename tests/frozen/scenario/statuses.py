"""Frozen and closed wallets, as their owners and those who pay them see it."""

from typing import Any

from tests.frozen.cast import Play


def play(play: Play) -> None:
    _opened_for_this(play)
    _frozen(play)
    _frozen_meanwhile(play)
    _closed(play)


def _opened_for_this(play: Play) -> None:
    """Wallets in Swiss francs, so that nobody misses them later."""
    for person in (play.alice, play.bob):
        person.api.post(None, "/api/v1/wallets", {"currency": "CHF"})
        play.wallets_learn(person)
        person.api.post(None, f"/api/v1/wallets/{person.wallets['CHF']}/deposits", {"amount": 100_00})


def _frozen(play: Play) -> None:
    play.wallet_change("freeze", play.alice.wallets["CHF"])
    _tried(play, "frozen")
    play.wallet_change("reopen", play.alice.wallets["CHF"])
    wallet = f"/api/v1/wallets/{play.alice.wallets['CHF']}"
    play.alice.api.get("The wallet is open again", wallet)
    play.alice.api.post("Money moves again", f"{wallet}/deposits", {"amount": 1_00})


def _tried(play: Play, status: str) -> None:
    """Everything that Alice's wallet refuses now."""
    alice, bob = play.alice, play.bob
    hers, his = alice.wallets["CHF"], bob.wallets["CHF"]
    wallet = f"/api/v1/wallets/{hers}"
    alice.api.get(f"Alice reads her {status} wallet", wallet)
    alice.api.get(f"Its history can be read ({status})", f"{wallet}/transactions?limit=1")
    for movement in ("deposits", "withdrawals"):
        alice.api.post(f"It takes no {movement} ({status})", f"{wallet}/{movement}", {"amount": 1_00})
    out: dict[str, Any] = {"source": hers, "recipient": "bob", "amount": 1_00}
    into: dict[str, Any] = {"source": his, "amount": 1_00}
    for version in ("v1", "v2"):
        path = f"/api/{version}/transfers"
        alice.api.post(f"It pays nobody over {version} ({status})", path, out)
        bob.api.post(f"Bob cannot pay her over {version} ({status})", path, {**into, "recipient": "alice"})
        bob.api.post(f"Nor into the wallet over {version} ({status})", path, {**into, "destination": hers})
    listed = {"transfers": [out]}
    alice.api.post(f"Nor does it in a list ({status})", "/api/v2/transfers/bulk", listed)
    bob.api.post(
        f"Nor does anybody pay it in a list ({status})",
        "/api/v2/transfers/bulk",
        {"transfers": [{**into, "recipient": "alice"}]},
    )


def _frozen_meanwhile(play: Play) -> None:
    """Accepted while the wallet was open, settled when it was not."""
    alice, bob = play.alice, play.bob
    body = {"source": bob.wallets["CHF"], "recipient": "alice", "amount": 1_00}
    transfer = bob.api.post("Accepted while her wallet is open", "/api/v2/transfers", body).json()["id"]
    play.wallet_change("freeze", alice.wallets["CHF"])
    play.settle(transfer)
    bob.api.get("It has failed", f"/api/v2/transfers/{transfer}")
    alice.api.get("It has failed for her, too", f"/api/v2/transfers/{transfer}")
    play.wallet_change("reopen", alice.wallets["CHF"])


def _closed(play: Play) -> None:
    alice = play.alice
    wallet = f"/api/v1/wallets/{alice.wallets['CHF']}"
    play.wallet_change("close", alice.wallets["CHF"])
    alice.api.get("A wallet with money in it is not closed", wallet)
    balance = alice.api.get(None, wallet).json()["balance"]
    alice.api.post(None, f"{wallet}/withdrawals", {"amount": balance})
    play.wallet_change("close", alice.wallets["CHF"])
    _tried(play, "closed")
    alice.api.post("No second wallet is opened in its place", "/api/v1/wallets", {"currency": "CHF"})
    play.wallet_change("reopen", alice.wallets["CHF"])
    alice.api.get("Even a closed wallet is reopened", wallet)
