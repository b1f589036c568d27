"""Transfers over REST v2: accepted, pending, settled by a Celery worker, read again."""

from typing import Any

from tests.frozen.cast import Play
from tests.frozen.scenario.transfers import amounts_refused, refused
from tests.frozen.scenario.wallets import TOO_LARGE_ID, UNKNOWN_ID

TRANSFERS = "/api/v2/transfers"


def play(play: Play) -> None:
    alice = play.alice
    alice.api.post(None, f"/api/v1/wallets/{alice.usd}/deposits", {"amount": 500_00})
    _accepted(play)
    _keys(play)
    _settled_late(play)
    _refused(play)
    amounts_refused(play, TRANSFERS)
    _reads_refused(play)


def _accepted(play: Play) -> None:
    alice, bob, charlie = play.alice, play.bob, play.charlie
    body = {"source": alice.usd, "amount": 10_00}
    sent = alice.api.post("Alice pays Bob by his name", TRANSFERS, {**body, "recipient": "bob", "memo": "Lunch"})
    path, transfer = sent.header("Location"), sent.json()["id"]
    pending = alice.api.get("She reads it while it is pending", path)
    alice.api.get("She has that already", path, If_None_Match=pending.header("ETag"))
    alice.api.send("The headers of it only", "HEAD", path)
    alice.api.get("v1 knows it, too", f"/api/v1/transactions/{transfer}")
    bob.api.get("Bob reads it while it is pending", path)
    charlie.api.get("It is none of Charlie's business", path)
    alice.api.get("Nothing has moved yet", f"/api/v1/wallets/{alice.usd}")
    alice.api.get("Nor is it in the history", f"/api/v1/wallets/{alice.usd}/transactions?limit=1")
    others = [
        alice.api.post("She pays him by his address", TRANSFERS, {**body, "recipient": "bob@example.com"}),
        alice.api.post("She pays into his wallet", TRANSFERS, {**body, "destination": bob.usd}),
    ]
    play.settle(transfer, *(other.json()["id"] for other in others))
    alice.api.get("She reads it once it is posted", path)
    alice.api.get("The pending state is no longer the newest", path, If_None_Match=pending.header("ETag"))
    alice.api.get("v1 knows that, too", f"/api/v1/transactions/{transfer}")
    bob.api.get("Bob reads it once it is posted", path)
    alice.api.get("The money has moved", f"/api/v1/wallets/{alice.usd}")
    alice.api.get("It is in her history", f"/api/v1/wallets/{alice.usd}/transactions?limit=3")
    bob.api.get("It is in his history", f"/api/v1/wallets/{bob.usd}/transactions?limit=3")


def _keys(play: Play) -> None:
    alice, bob = play.alice, play.bob
    body = {"source": alice.usd, "recipient": "bob", "amount": 2_00, "memo": "Tea"}
    first = alice.api.post("A transfer with a key", TRANSFERS, body, Idempotency_Key="queued-1")
    alice.api.post("The same while it is pending", TRANSFERS, body, Idempotency_Key="queued-1")
    alice.api.post("The same over v1, while it is pending", "/api/v1/transfers", body, Idempotency_Key="queued-1")
    lookup = "/api/v1/transactions?idempotency_key=queued-1"
    alice.api.get("What the key did, while it is pending", lookup)
    different = {**body, "amount": 3_00}
    alice.api.post("Another amount, while it is pending", TRANSFERS, different, Idempotency_Key="queued-1")
    play.settle(first.json()["id"])
    alice.api.post("The same once it is posted", TRANSFERS, body, Idempotency_Key="queued-1")
    alice.api.post("The same over v1, once it is posted", "/api/v1/transfers", body, Idempotency_Key="queued-1")
    alice.api.get("What the key did, once it is posted", lookup)
    cases: dict[str, dict[str, Any]] = {
        "Another amount": {"amount": 3_00},
        "Another memo": {"memo": "Coffee"},
        "Another recipient": {"recipient": "charlie"},
        "Another source": {"source": alice.wallets["EUR"]},
    }
    for title, change in cases.items():
        alice.api.post(title, TRANSFERS, {**body, **change}, Idempotency_Key="queued-1")
    v1_body = {**body, "memo": ""}
    alice.api.post("A transfer over v1 with a key", "/api/v1/transfers", v1_body, Idempotency_Key="queued-2")
    alice.api.post("The same over v2", TRANSFERS, v1_body, Idempotency_Key="queued-2")
    bob.api.post("A key that is none", TRANSFERS, {**body, "source": bob.usd}, Idempotency_Key="two words")


def _settled_late(play: Play) -> None:
    """Accepted while there was enough, and refused when its turn came."""
    alice, bob = play.alice, play.bob
    wallet = f"/api/v1/wallets/{alice.wallets['EUR']}"
    balance = alice.api.get(None, wallet).json()["balance"]
    body = {"source": alice.wallets["EUR"], "recipient": "bob", "amount": balance}
    first = alice.api.post("All her euros", TRANSFERS, body, Idempotency_Key="queued-3").json()["id"]
    second = alice.api.post("All her euros once more", TRANSFERS, body, Idempotency_Key="queued-4").json()["id"]
    alice.api.post("All her euros at once, over v1", f"{wallet}/withdrawals", {"amount": balance})
    play.settle(first, second)
    for title, transfer in {"The first": first, "The second": second}.items():
        alice.api.get(f"{title} has failed", f"{TRANSFERS}/{transfer}")
        bob.api.get(f"{title} has failed for Bob, too", f"{TRANSFERS}/{transfer}")
    alice.api.post("A failed transfer is replayed as it is", TRANSFERS, body, Idempotency_Key="queued-3")
    alice.api.post("Over v1, too", "/api/v1/transfers", body, Idempotency_Key="queued-3")
    alice.api.get("What the key of a failed transfer did", "/api/v1/transactions?idempotency_key=queued-3")
    alice.api.get("A failed transfer is not in the history", f"{wallet}/transactions?kind=transfer&limit=2")


def _refused(play: Play) -> None:
    """What v1 refuses for want of money or of room, v2 accepts; it fails when its turn comes."""
    answers = {title: answer for title, answer in refused(play, TRANSFERS).items() if answer.status == 202}
    play.settle(*(answer.json()["id"] for answer in answers.values()))
    for title, answer in answers.items():
        play.alice.api.get(f"{title}: it has failed", answer.header("Location"))


def _reads_refused(play: Play) -> None:
    alice = play.alice
    alice.api.get("There is no such transfer", f"{TRANSFERS}/{UNKNOWN_ID}")
    alice.api.get("This is no id", f"{TRANSFERS}/{TOO_LARGE_ID}")
    deposit = alice.api.post(None, f"/api/v1/wallets/{alice.usd}/deposits", {"amount": 1_00}).json()["id"]
    alice.api.get("A deposit is no transfer", f"{TRANSFERS}/{deposit}")
    alice.api.get("A list of transfers is not to be had", TRANSFERS)
    alice.api.send("OPTIONS", "OPTIONS", TRANSFERS)
    alice.api.post("A transfer takes no POST", f"{TRANSFERS}/{deposit}", {})
    play.stranger.get("A stranger reads no transfer", f"{TRANSFERS}/{deposit}")
