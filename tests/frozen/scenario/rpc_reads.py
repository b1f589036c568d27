"""Reads over gRPC, and who may call at all."""

from typing import Any

from tests.frozen.cast import Play
from tests.frozen.scenario.wallets import TOO_LARGE_ID, UNKNOWN_ID


def play(play: Play) -> None:
    _callers(play)
    _wallets(play)
    _transactions(play)
    _entries(play)


def _callers(play: Play) -> None:
    stranger, alice = play.caller, play.alice.rpc
    stranger.call("No token", "ListWallets", {})
    for title, authorization in {
        "The token is unknown": f"Bearer {'0' * 64}",
        "The token is missing": "Bearer",
        "There are two tokens": "Bearer x y",
        "The scheme is Basic": "Basic YWxpY2U6eA==",
        "The header is empty": "",
        "An assertion of a service that there is not": "Service x",
    }.items():
        stranger.call(title, "ListWallets", {}, authorization=authorization)
    stranger.call("The scheme may be written in lower case", "ListWallets", {}, authorization=f"bearer {alice.token}")
    alice.call("A request id in the metadata", "ListWallets", {}, x_request_id="lunch-1")
    alice.call("A request id in the message", "ListWallets", {"request_id": "lunch-2"})
    alice.call("A request id in both", "ListWallets", {"request_id": "lunch-2"}, x_request_id="lunch-1")
    alice.call("A request id with a space", "ListWallets", {"request_id": "two words"})
    alice.call("A request id of 129 characters", "ListWallets", {"request_id": "r" * 129})
    stranger.call("A refusal has the id, too", "ListWallets", {}, x_request_id="refused-1")
    alice.call("Bytes that are no message", "ListWallets", b"\xff\xff")
    stranger.call("A stranger's bytes that are no message", "ListWallets", b"\xff\xff")
    alice.call("A megabyte is too much", "ListWallets", b"z" * 1_048_577)
    alice.call("No time at all", "ListWallets", {}, timeout_s=0.0)


def _wallets(play: Play) -> None:
    alice, bob = play.alice, play.bob
    alice.rpc.call("Alice lists her wallets", "ListWallets", {})
    alice.rpc.call("She reads her dollar wallet", "GetWallet", {"wallet_id": alice.usd})
    bob.rpc.call("Bob cannot read her wallet", "GetWallet", {"wallet_id": alice.usd})
    alice.rpc.call("Nobody has this wallet", "GetWallet", {"wallet_id": UNKNOWN_ID})
    for wallet_id in ("", "0", "01", "-1", "abc", " 5", TOO_LARGE_ID):
        alice.rpc.call(f"{wallet_id!r} is no id", "GetWallet", {"wallet_id": wallet_id})
    play.caller.call("A stranger reads no wallet", "GetWallet", {"wallet_id": alice.usd})


def _transactions(play: Play) -> None:
    alice, bob, charlie = play.alice, play.bob, play.charlie
    transfer = {"source": alice.usd, "recipient": "bob", "amount": {"minor_units": 1_00}, "idempotency_key": "rpc-read"}
    sent = alice.rpc.call(None, "Transfer", transfer)["transaction"]["id"]
    by_id, by_key = {"transaction_id": sent}, {"idempotency_key": "rpc-read"}
    alice.rpc.call("Alice reads what she sent", "GetTransaction", by_id)
    bob.rpc.call("Bob reads what he received", "GetTransaction", by_id)
    charlie.rpc.call("It is none of Charlie's business", "GetTransaction", by_id)
    alice.rpc.call("What a key did", "GetTransaction", by_key)
    bob.rpc.call("Her key did nothing for Bob", "GetTransaction", by_key)
    cases: dict[str, dict[str, Any]] = {
        "A transaction is named": {},
        "There is no such transaction": {"transaction_id": UNKNOWN_ID},
        "This is no id": {"transaction_id": "abc"},
        "A key that did nothing": {"idempotency_key": "never"},
        "A key is not empty": {"idempotency_key": ""},
        "A key has no space": {"idempotency_key": "two words"},
    }
    for title, request in cases.items():
        alice.rpc.call(title, "GetTransaction", request)
    play.caller.call("A stranger reads no transaction", "GetTransaction", by_id)


def _entries(play: Play) -> None:
    alice, bob = play.alice, play.bob
    euros = {"wallet_id": bob.wallets["EUR"]}
    bob.rpc.call("A page of the usual length", "ListEntries", euros)
    first = bob.rpc.call("The first page", "ListEntries", {**euros, "limit": 2})
    second = bob.rpc.call("The next page", "ListEntries", {**euros, "limit": 2, "cursor": first["next_cursor"]})
    bob.rpc.call("Back to the first page", "ListEntries", {**euros, "limit": 2, "cursor": second["previous_cursor"]})
    cases: dict[str, dict[str, Any]] = {
        "Withdrawals only": {"kind": "TRANSACTION_KIND_WITHDRAWAL"},
        "Only what came in": {"direction": "DIRECTION_IN", "limit": 1},
        "Only what went out": {"direction": "DIRECTION_OUT", "limit": 1},
        "Since the far future": {"since": "2101-01-01T00:00:00Z"},
        "Until long ago": {"until": "2001-01-01T00:00:00Z"},
        "A limit is not 101": {"limit": 101},
        "A limit is not negative": {"limit": -1},
        "A cursor is none of ours": {"cursor": "nonsense"},
        "A cursor is not that long": {"cursor": "c" * 101},
        "There is no such kind": {"kind": 9},
        "There is no such direction": {"direction": 9},
        "Several things are wrong": {"limit": 101, "kind": 9},
        "A wallet is named": {"wallet_id": ""},
        "Nobody has this wallet": {"wallet_id": UNKNOWN_ID},
    }
    for title, request in cases.items():
        bob.rpc.call(f"Entries: {title[0].lower()}{title[1:]}", "ListEntries", {**euros, **request})
    alice.rpc.call("Alice cannot read his history", "ListEntries", euros)
    play.caller.call("A stranger reads no history", "ListEntries", euros)
