"""Money over gRPC: deposits, withdrawals, transfers, and transfers that settle later."""

from typing import Any

from tests.frozen.cast import Play
from tests.frozen.scenario.wallets import TOO_LARGE_ID, UNKNOWN_ID


def play(play: Play) -> None:
    _movements(play)
    _movements_refused(play)
    _transfers(play)
    for method in ("Transfer", "SubmitTransfer"):
        _transfers_refused(play, method)


def _usd(minor_units: int) -> dict[str, Any]:
    return {"minor_units": minor_units, "currency": "USD"}


def _movements(play: Play) -> None:
    alice, bob = play.alice, play.bob
    for method, request in {"Deposit": _usd(500_00), "Withdraw": _usd(5_00)}.items():
        body = {"wallet_id": alice.usd, "amount": request, "memo": " Over gRPC "}
        alice.rpc.call(f"{method}: it is done", method, body)
        alice.rpc.call(f"{method}: the currency may be left out", method, {**body, "amount": {"minor_units": 1}})
        keyed = {**body, "idempotency_key": f"rpc-{method}"}
        alice.rpc.call(f"{method}: with a key", method, keyed)
        alice.rpc.call(f"{method}: the same once more", method, keyed)
        alice.rpc.call(f"{method}: another amount under the key", method, {**keyed, "amount": _usd(1)})
        alice.rpc.call(f"{method}: another memo under the key", method, {**keyed, "memo": ""})
        bob.rpc.call(f"{method}: Bob cannot use her wallet", method, body)
        play.caller.call(f"{method}: a stranger moves nothing", method, body)
    bob.rpc.call("Withdraw: there is not enough", "Withdraw", {"wallet_id": bob.usd, "amount": _usd(1_000_000_00)})
    charlie = play.charlie
    charlie.rpc.call("Deposit: the wallet is full", "Deposit", {"wallet_id": charlie.usd, "amount": _usd(1_000_00)})


def _movements_refused(play: Play) -> None:
    alice = play.alice
    right: dict[str, Any] = {"wallet_id": alice.usd, "amount": _usd(1_00)}
    cases: dict[str, dict[str, Any]] = {
        "nothing is no amount": {"amount": _usd(0)},
        "less than nothing is no amount": {"amount": _usd(-1)},
        "more than the most is no amount": {"amount": _usd(10**15)},
        "the amount is missing": {"amount": None},
        "another currency": {"amount": {"minor_units": 1, "currency": "EUR"}},
        "a currency that there is not": {"amount": {"minor_units": 1, "currency": "XYZ"}},
        "a currency of four letters": {"amount": {"minor_units": 1, "currency": "USDT"}},
        "no wallet": {"wallet_id": ""},
        "nobody's wallet": {"wallet_id": UNKNOWN_ID},
        "an id that is none": {"wallet_id": TOO_LARGE_ID},
        "a memo that is too long": {"memo": "m" * 201},
        "NUL in a memo": {"memo": "\0"},
        "an empty key": {"idempotency_key": ""},
        "a key with a space": {"idempotency_key": "two words"},
        "a key that is too long": {"idempotency_key": "k" * 256},
    }
    for title, change in cases.items():
        request = {name: value for name, value in {**right, **change}.items() if value is not None}
        for method in ("Deposit", "Withdraw"):
            alice.rpc.call(f"{method}: {title}", method, request)
    alice.rpc.call("Deposit: everything is missing", "Deposit", {})


def _transfers(play: Play) -> None:
    alice, bob = play.alice, play.bob
    body = {"source": alice.usd, "amount": _usd(1_00)}
    for title, change in {
        "by name": {"recipient": "bob", "memo": "Lunch"},
        "by address": {"recipient": "Bob@example.com"},
        "by wallet": {"destination": bob.usd},
    }.items():
        alice.rpc.call(f"Transfer {title}", "Transfer", {**body, **change})
    keyed = {**body, "recipient": "bob", "idempotency_key": "rpc-Transfer"}
    alice.rpc.call("Transfer: with a key", "Transfer", keyed)
    alice.rpc.call("Transfer: the same once more", "Transfer", keyed)
    alice.rpc.call("Transfer: another recipient under the key", "Transfer", {**keyed, "recipient": "charlie"})
    alice.api.post("REST knows the key", "/api/v1/transfers", _as_rest(keyed), Idempotency_Key="rpc-Transfer")
    alice.rpc.call("Transfer: submitted under the key", "SubmitTransfer", keyed)


def _as_rest(request: dict[str, Any]) -> dict[str, Any]:
    return {"source": request["source"], "recipient": request["recipient"], "amount": request["amount"]["minor_units"]}


def _transfers_refused(play: Play, method: str) -> None:
    alice, bob = play.alice, play.bob
    right: dict[str, Any] = {"source": alice.usd, "recipient": "bob", "amount": _usd(1_00)}
    wallet: dict[str, Any] = {"source": alice.usd, "amount": _usd(1_00)}
    for title, request in {
        "there is not enough": {**right, "amount": _usd(1_000_000_00)},
        "nobody has this name": {**right, "recipient": "nobody"},
        "nobody has this address": {**right, "recipient": "nobody@example.com"},
        "nobody has this wallet": {**wallet, "destination": UNKNOWN_ID},
        "to herself": {**right, "recipient": "alice"},
        "into the wallet that pays": {**wallet, "destination": alice.usd},
        "dollars into euros": {**wallet, "destination": bob.wallets["EUR"]},
        "the amount is in euros": {**right, "amount": {"minor_units": 1, "currency": "EUR"}},
        "Bob holds no yen": {**right, "source": alice.wallets["JPY"], "amount": {"minor_units": 1}},
        "out of Bob's wallet": {**right, "source": bob.usd},
        "out of nobody's wallet": {**right, "source": UNKNOWN_ID},
        "to nobody at all": wallet,
        "to an empty name": {**right, "recipient": " "},
        "to a long name": {**right, "recipient": "b" * 255},
        "to an id that is none": {**wallet, "destination": "abc"},
        "everything is missing": {},
    }.items():
        alice.rpc.call(f"{method}: {title}", method, request)
    play.caller.call(f"{method}: a stranger sends nothing", method, right)
