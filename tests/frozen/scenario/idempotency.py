"""The Idempotency-Key header over REST v1."""

from tests.frozen.cast import Play

LOOKUP = "/api/v1/transactions"


def play(play: Play) -> None:
    _movements(play)
    _transfers(play)
    _keys(play)
    _lookup(play)


def _movements(play: Play) -> None:
    alice, bob = play.alice, play.bob
    path = f"/api/v1/wallets/{alice.usd}/deposits"
    for title, body in {
        "A deposit with a key": {"amount": 5_00},
        "The same once more": {"amount": 5_00},
        "An empty memo is the same as none": {"amount": 5_00, "memo": ""},
        "Another amount": {"amount": 5_01},
        "Another memo": {"amount": 5_00, "memo": "Other"},
        "Another amount and memo": {"amount": 5_01, "memo": "Other"},
    }.items():
        alice.api.post(title, path, body, Idempotency_Key="deposit-1")
    euros = f"/api/v1/wallets/{alice.wallets['EUR']}/deposits"
    alice.api.post("Another wallet", euros, {"amount": 5_00}, Idempotency_Key="deposit-1")
    withdrawals = f"/api/v1/wallets/{alice.usd}/withdrawals"
    alice.api.post("Another kind", withdrawals, {"amount": 5_00}, Idempotency_Key="deposit-1")
    his = f"/api/v1/wallets/{bob.usd}/deposits"
    bob.api.post("Bob's keys are his own", his, {"amount": 5_00}, Idempotency_Key="deposit-1")
    for title in ("A withdrawal with a key", "The same withdrawal once more"):
        alice.api.post(title, withdrawals, {"amount": 1_00}, Idempotency_Key="withdrawal-1")
    for title, amount in {"A refused withdrawal": 9_999_999_00, "Its key is still free": 1_00}.items():
        alice.api.post(title, withdrawals, {"amount": amount}, Idempotency_Key="withdrawal-2")
    used = {"amount": 9_999_999_00}
    alice.api.post("A used key is told before want of money", withdrawals, used, Idempotency_Key="withdrawal-2")


def _transfers(play: Play) -> None:
    alice, bob = play.alice, play.bob
    body = {"source": alice.usd, "amount": 2_00, "memo": "Tea"}
    for title, change in {
        "A transfer with a key": {"recipient": "bob"},
        "The same transfer once more": {"recipient": "bob"},
        "The same person by address": {"recipient": "bob@example.com"},
        "The same person by wallet": {"destination": bob.usd},
        "Another recipient": {"recipient": "charlie"},
        "A recipient who is nobody": {"recipient": "nobody"},
        "Another source": {"recipient": "bob", "source": alice.wallets["EUR"]},
    }.items():
        alice.api.post(title, "/api/v1/transfers", {**body, **change}, Idempotency_Key="transfer-1")


def _keys(play: Play) -> None:
    path = f"/api/v1/wallets/{play.alice.usd}/deposits"
    for title, key in {
        "A key in quotes": '"deposit-1"',
        "White space around a key": "  deposit-1 ",
        "A key of 255 characters": "k" * 255,
        "An escaped quote in a key": r'"a\"b"',
        "A key is not empty": "",
        "A key in quotes is not empty": '""',
        "A key has no space": "two words",
        "A key has not 256 characters": "k" * 256,
        "A quote is closed": '"open',
        "A key is ASCII": "k\xe9y",
        "A key has no parameters": '"a";p=1',
    }.items():
        play.alice.api.post(title, path, {"amount": 5_00}, Idempotency_Key=key)


def _lookup(play: Play) -> None:
    alice, bob = play.alice, play.bob
    found = alice.api.get("What a key did", f"{LOOKUP}?idempotency_key=transfer-1")
    alice.api.get("She has that already", f"{LOOKUP}?idempotency_key=transfer-1", If_None_Match=found.header("ETag"))
    alice.api.send("The headers of it only", "HEAD", f"{LOOKUP}?idempotency_key=transfer-1")
    alice.api.get("A key that did nothing", f"{LOOKUP}?idempotency_key=never")
    bob.api.get("Her key did nothing for Bob", f"{LOOKUP}?idempotency_key=transfer-1")
    for title, query in {
        "A lookup needs a key": "",
        "The key looked up is not empty": "?idempotency_key=",
        "The key looked up has no space": "?idempotency_key=a%20b",
        "A lookup takes one key": "?idempotency_key=a&idempotency_key=b",
        "A lookup takes nothing else": "?idempotency_key=a&limit=5",
    }.items():
        alice.api.get(title, f"{LOOKUP}{query}")
    play.stranger.get("A stranger looks nothing up", f"{LOOKUP}?idempotency_key=transfer-1")
    alice.api.post("A lookup is not a POST", LOOKUP, {})
