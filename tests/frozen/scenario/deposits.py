"""Deposits and withdrawals over REST v1."""

from tests.frozen.cast import Play
from tests.frozen.scenario.wallets import UNKNOWN_ID

AMOUNT_MAX = 999_999_999_999_999
#: What fits into a wallet that nine deposits of the most have gone into.
ROOM = 2**53 - 1 - 9 * AMOUNT_MAX
#: What is no amount, as JSON text.
NO_AMOUNTS = {
    "0": "nothing", "-1": "less than nothing", "1000000000000000": "more than the most",
    "9223372036854775808": "more than 64 bits", "1" * 30: "thirty digits", "5.0": "a fraction", "5e2": "an exponent",
    '"5"': "a string", "true": "a boolean", "null": "null", "[5]": "a list", '{"minor_units": 5}': "an object",
}  # fmt: skip


def play(play: Play) -> None:
    _deposits(play)
    _withdrawals(play)
    _amounts(play)
    _memos(play)
    _foreign(play)
    _most(play)


def _deposits(play: Play) -> None:
    alice = play.alice
    path = f"/api/v1/wallets/{alice.usd}/deposits"
    alice.api.post("Alice adds money", path, {"amount": 125_00, "memo": "Salary"})
    alice.api.post("She adds money without a memo", path, {"amount": 1})
    alice.api.get("Her wallet holds both", f"/api/v1/wallets/{alice.usd}")
    alice.api.post("She adds yen", f"/api/v1/wallets/{alice.wallets['JPY']}/deposits", {"amount": 5_000})
    alice.api.post("She adds euros", f"/api/v1/wallets/{alice.wallets['EUR']}/deposits", {"amount": 50_00})
    alice.api.post("A deposit needs an amount", path, {})
    alice.api.post("A deposit has no recipient", path, {"amount": 5, "recipient": "bob"})
    alice.api.get("A deposit is not a GET", path)
    play.stranger.post("A stranger adds nothing", path, {"amount": 5})


def _withdrawals(play: Play) -> None:
    alice = play.alice
    path = f"/api/v1/wallets/{alice.usd}/withdrawals"
    alice.api.post("Alice takes money out", path, {"amount": 20_00})
    alice.api.post("She takes money out with a memo", path, {"amount": 5_01, "memo": "Cash"})
    alice.api.post("There is not so much", path, {"amount": 100_01})
    alice.api.post("There is just enough", path, {"amount": 100_00})
    alice.api.get("Her wallet is empty", f"/api/v1/wallets/{alice.usd}")
    alice.api.post("There is nothing left", path, {"amount": 1})
    alice.api.post("A withdrawal needs an amount", path, {})
    alice.api.get("A withdrawal is not a GET", path)
    play.stranger.post("A stranger takes nothing out", path, {"amount": 5})


def _amounts(play: Play) -> None:
    path = f"/api/v1/wallets/{play.alice.usd}"
    for amount, what in NO_AMOUNTS.items():
        body = f'{{"amount": {amount}}}'.encode()
        for movement in ("deposits", "withdrawals"):
            title = f"{what} is no amount ({movement})"
            play.alice.api.send(title, "POST", f"{path}/{movement}", body, Content_Type="application/json")


def _memos(play: Play) -> None:
    path = f"/api/v1/wallets/{play.alice.usd}/deposits"
    for title, memo in {
        "A memo has 200 characters": "m" * 200,
        "A memo has no 201 characters": "m" * 201,
        "White space around a memo is dropped": "  Lunch \n",
        "A memo may be empty": "",
        "A memo may be in any script": "Обед 🍜",
        "A memo is no number": 5,
        "A memo is not null": None,
    }.items():
        play.alice.api.post(title, path, {"amount": 1_00, "memo": memo})


def _foreign(play: Play) -> None:
    alice, bob = play.alice, play.bob
    for movement in ("deposits", "withdrawals"):
        bob.api.post(
            f"Bob cannot use her wallet ({movement})", f"/api/v1/wallets/{alice.usd}/{movement}", {"amount": 5}
        )
        path = f"/api/v1/wallets/{UNKNOWN_ID}/{movement}"
        bob.api.post(f"Nobody has this wallet ({movement})", path, {"amount": 5})


def _most(play: Play) -> None:
    charlie = play.charlie
    path = f"/api/v1/wallets/{charlie.usd}/deposits"
    charlie.api.post("Charlie adds the most there is", path, {"amount": AMOUNT_MAX})
    for _ in range(8):
        charlie.api.post(None, path, {"amount": AMOUNT_MAX})
    charlie.api.post(None, path, {"amount": ROOM - 10})
    charlie.api.get("A balance of sixteen digits", f"/api/v1/wallets/{charlie.usd}")
    charlie.api.post("A wallet holds no more than 2^53-1", path, {"amount": 11})
