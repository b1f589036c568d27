"""Wallets over REST: listing, opening and reading them."""

from tests.frozen.cast import Play

WALLETS = "/api/v1/wallets"
#: Wallets that nobody has.
UNKNOWN_ID = "4096"
TOO_LARGE_ID = "9223372036854775808"


def play(play: Play) -> None:
    _open(play)
    _read(play)


def _open(play: Play) -> None:
    alice, bob = play.alice, play.bob
    alice.api.get("Alice lists her wallets", WALLETS)
    opened = alice.api.post("She opens one in euros", WALLETS, {"currency": "EUR"})
    assert opened.status == 201
    alice.api.post("She has one in euros already", WALLETS, {"currency": "EUR"})
    alice.api.post("She opens one in yen", WALLETS, {"currency": "JPY"})
    bob.api.post("Bob opens one in euros", WALLETS, {"currency": "EUR"})
    for title, currency in {
        "There is no such currency": "XYZ",
        "A currency is written in capitals": "gbp",
        "A currency is no number": 840,
        "A currency is not null": None,
        "A currency is not empty": "",
    }.items():
        alice.api.post(title, WALLETS, {"currency": currency})
    alice.api.post("A currency is needed", WALLETS, {})
    alice.api.post("A wallet has no name", WALLETS, {"currency": "GBP", "name": "Savings"})
    play.stranger.post("A stranger opens no wallet", WALLETS, {"currency": "EUR"})
    for person in (alice, bob):
        play.wallets_learn(person)


def _read(play: Play) -> None:
    alice, bob = play.alice, play.bob
    listed = alice.api.get("Alice lists all her wallets", WALLETS)
    alice.api.get("She has that list already", WALLETS, If_None_Match=listed.header("ETag"))
    alice.api.get("The list takes gzip", WALLETS, Accept_Encoding="gzip")
    alice.api.send("She asks for the headers of the list only", "HEAD", WALLETS)
    play.stranger.get("A stranger lists no wallets", WALLETS)
    path = f"{WALLETS}/{alice.usd}"
    wallet = alice.api.get("She reads her dollar wallet", path)
    alice.api.get("She has it already", path, If_None_Match=wallet.header("ETag"))
    alice.api.get("She has it, among others", path, If_None_Match=f'"other", {wallet.header("ETag")}')
    alice.api.get("She has any version", path, If_None_Match="*")
    alice.api.get("She has another state of it", path, If_None_Match='W/"other"')
    alice.api.send("She asks for the headers of her wallet only", "HEAD", path)
    alice.api.get("She reads her yen wallet", f"{WALLETS}/{alice.wallets['JPY']}")
    bob.api.get("Bob cannot read her wallet", path)
    alice.api.get("Nobody has this wallet", f"{WALLETS}/{UNKNOWN_ID}")
    for wallet_id in ("0", "01", "-1", TOO_LARGE_ID, "abc", "1.0"):
        alice.api.get(f"{wallet_id} is no id", f"{WALLETS}/{wallet_id}")
    alice.api.get("An address ends without a slash", f"{path}/")
    play.stranger.get("A stranger reads no wallet", path)
