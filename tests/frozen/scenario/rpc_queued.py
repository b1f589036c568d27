"""Transfers over gRPC that settle later, lists of them, and watching a wallet."""

from collections.abc import Iterator
from typing import Any, cast

import grpc

from tests.frozen.cast import Person, Play
from tests.frozen.protos import SERVICE
from tests.frozen.rpc import fields_of, given_text, metadata_text, refusal_lines
from tests.frozen.scenario.wallets import UNKNOWN_ID


def play(play: Play) -> None:
    _submitted(play)
    _lists(play)
    _lists_refused(play)
    _watched(play)
    _watch_refused(play)


def _submitted(play: Play) -> None:
    alice, bob = play.alice, play.bob
    request = {"source": alice.usd, "recipient": "bob", "amount": {"minor_units": 2_00}, "idempotency_key": "rpc-later"}
    first = alice.rpc.call("A transfer is accepted", "SubmitTransfer", request)["transaction"]["id"]
    alice.rpc.call("The same while it is pending", "SubmitTransfer", request)
    alice.rpc.call("The same, but now", "Transfer", request)
    alice.rpc.call("Another amount under the key", "SubmitTransfer", {**request, "amount": {"minor_units": 3_00}})
    alice.rpc.call("It is pending", "GetTransaction", {"transaction_id": first})
    alice.rpc.call("Its key says so, too", "GetTransaction", {"idempotency_key": "rpc-later"})
    rich = {"source": bob.wallets["EUR"], "destination": alice.wallets["EUR"], "amount": {"minor_units": 1_000_000_00}}
    second = bob.rpc.call("More than Bob has", "SubmitTransfer", rich)["transaction"]["id"]
    play.settle(first, second)
    alice.rpc.call("It is posted", "GetTransaction", {"transaction_id": first})
    alice.rpc.call("The same once it is posted", "SubmitTransfer", request)
    bob.rpc.call("More than Bob has: it has failed", "GetTransaction", {"transaction_id": second})


def _lists(play: Play) -> None:
    alice, bob = play.alice, play.bob
    right: dict[str, Any] = {"source": alice.usd, "recipient": "bob", "amount": {"minor_units": 1_00}}
    items = [
        right,
        {**right, "idempotency_key": "rpc-list"},
        {**right, "idempotency_key": "rpc-list"},
        {**right, "idempotency_key": "rpc-list", "memo": "Other"},
        {**right, "recipient": "nobody"},
        {**right, "recipient": "alice"},
        {**right, "amount": {"minor_units": 0}},
        {**right, "amount": {"minor_units": 1, "currency": "EUR"}},
        {**right, "source": bob.usd},
        {"source": alice.usd, "destination": UNKNOWN_ID, "amount": {"minor_units": 1_00}},
        {},
    ]
    answer = alice.rpc.call("Good and bad items in one list", "SubmitTransfers", {"transfers": items})
    play.settle(*(result["transaction"]["id"] for result in answer["results"] if "transaction" in result))
    alice.rpc.call("The key of an item once it is posted", "GetTransaction", {"idempotency_key": "rpc-list"})


def _lists_refused(play: Play) -> None:
    alice = play.alice
    alice.rpc.call("A list is not empty", "SubmitTransfers", {"transfers": []})
    packed = alice.rpc.packed("SubmitTransfers", {"transfers": [{}] * 1_001})
    alice.rpc.call("A list has not 1001 items", "SubmitTransfers", packed)
    play.caller.call("A stranger sends no list", "SubmitTransfers", {"transfers": [{}]})


def _watched(play: Play) -> None:
    alice = play.alice
    stream, call, lines = _watch(play, alice, {"wallet_id": alice.usd})
    lines += ["--- the wallet as it is", "", _next(play, stream)]
    alice.rpc.call(None, "Deposit", {"wallet_id": alice.usd, "amount": {"minor_units": 7_00}})
    lines += ["--- after a deposit", "", _next(play, stream)]
    play.wallet_change("freeze", alice.usd)
    lines += ["--- after it was frozen", "", _next(play, stream)]
    play.wallet_change("reopen", alice.usd)
    lines += ["--- after it was reopened", "", _next(play, stream)]
    call.cancel()
    play.log.area.add("Alice watches her wallet", lines)


def _watch_refused(play: Play) -> None:
    alice, bob = play.alice, play.bob
    for title, request in {
        "Nobody has this wallet to watch": {"wallet_id": UNKNOWN_ID},
        "A wallet to watch is named": {},
    }.items():
        _watch_ended(play, title, alice, request)
    _watch_ended(play, "Bob cannot watch her wallet", bob, {"wallet_id": alice.usd})
    nobody = Person("nobody", api=play.stranger, browser=play.stranger, rpc=play.caller)
    _watch_ended(play, "A stranger watches nothing", nobody, {"wallet_id": alice.usd})
    leaving = Person("leaving", api=play.client(), browser=play.client(), rpc=play.caller)
    leaving.api.token = play.stranger.post(
        None, "/api/v1/auth/login", {"username": alice.name, "password": alice.password}
    ).json()["token"]
    play.names.know("token:leaving", leaving.api.token)
    leaving.rpc = play.caller.signed(leaving.api.token)
    stream, call, lines = _watch(play, leaving, {"wallet_id": alice.usd})
    _next(play, stream)
    leaving.api.post(None, "/api/v1/auth/logout", {})
    play.log.area.add("A watch ends with its token", [*lines, *_end(play, stream, call, "A watch ends with its token")])
    stream, call, lines = _watch(play, alice, {"wallet_id": alice.usd}, timeout_s=1.5)
    _next(play, stream)
    play.log.area.add("A watch has a deadline", [*lines, *_end(play, stream, call, "A watch has a deadline")])


def _watch_ended(play: Play, title: str, person: Person, request: dict[str, Any]) -> None:
    stream, call, lines = _watch(play, person, request)
    play.log.area.add(title, [*lines, *_end(play, stream, call, title)])


def _watch(
    play: Play, person: Person, request: dict[str, Any], *, timeout_s: float = 30.0
) -> tuple[Iterator[bytes], grpc.Call, list[str]]:
    """The stream, and the lines that record how it began."""
    given = person.rpc.metadata({})
    stub: grpc.UnaryStreamMultiCallable[bytes, bytes] = play.channel.unary_stream(f"/{SERVICE}/WatchWallet")
    call = stub(person.rpc.packed("WatchWallet", request), timeout=timeout_s, metadata=given)
    lines = [f"{SERVICE}/WatchWallet", *given_text(given, play.log), "", play.names.text(str(request))]
    return cast("Iterator[bytes]", call), cast("grpc.Call", call), lines


def _next(play: Play, stream: Iterator[bytes]) -> str:
    message = play.contract.answer("WatchWallet").FromString(next(stream))
    return play.caller.text("A wallet that is watched", fields_of(message))


def _end(play: Play, stream: Iterator[bytes], call: grpc.Call, title: str) -> list[str]:
    try:
        more = _next(play, stream)
    except grpc.RpcError:
        return refusal_lines(call, play.log, title)
    except StopIteration:
        return ["--- the end", *metadata_text(call, play.log)]
    raise AssertionError(f"{title}: the watch went on: {more}")
