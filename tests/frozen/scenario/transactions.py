"""Single transactions over REST v1."""

from tests.frozen.cast import Play
from tests.frozen.scenario.wallets import TOO_LARGE_ID, UNKNOWN_ID


def play(play: Play) -> None:
    alice, bob, charlie = play.alice, play.bob, play.charlie
    body = {"source": alice.usd, "recipient": "bob", "amount": 3_00, "memo": "Cake"}
    sent = alice.api.post(None, "/api/v1/transfers", body).header("Location")
    read = alice.api.get("Alice reads what she sent", sent)
    alice.api.get("She has it already", sent, If_None_Match=read.header("ETag"))
    alice.api.get("It takes gzip", sent, Accept_Encoding="gzip")
    alice.api.send("She asks for the headers only", "HEAD", sent)
    bob.api.get("Bob reads what he received", sent)
    charlie.api.get("It is none of Charlie's business", sent)
    play.stranger.get("Nor of a stranger's", sent)
    path = f"/api/v1/wallets/{alice.usd}"
    for movement in ("deposits", "withdrawals"):
        moved = alice.api.post(None, f"{path}/{movement}", {"amount": 3_00}).header("Location")
        alice.api.get(f"Alice reads one of her {movement}", moved)
        bob.api.get(f"Bob cannot read her {movement}", moved)
    alice.api.get("There is no such transaction", f"/api/v1/transactions/{UNKNOWN_ID}")
    alice.api.get("This is no id", f"/api/v1/transactions/{TOO_LARGE_ID}")
    alice.api.post("A transaction is not a POST", sent, {})
