"""While somebody else holds the lock on a wallet: 503 and Retry-After, and nothing half done."""

from tests.frozen.cast import Play


def play(play: Play) -> None:
    alice = play.alice
    wallet = f"/api/v1/wallets/{alice.usd}"
    transfer = {"source": alice.usd, "recipient": "bob", "amount": 1_00}
    with play.wallet_locked(alice.usd):
        alice.api.post("A deposit waits in vain", f"{wallet}/deposits", {"amount": 1_00}, Idempotency_Key="busy-1")
        alice.api.post("A transfer waits in vain", "/api/v1/transfers", transfer)
        alice.api.post("v2 accepts all the same", "/api/v2/transfers", transfer, Idempotency_Key="busy-2")
        alice.api.get("A read does not wait", wallet)
        _page(play)
        _grpc(play)
    alice.api.post("The deposit's key is free", f"{wallet}/deposits", {"amount": 1_00}, Idempotency_Key="busy-1")
    found = alice.api.get(None, "/api/v1/transactions?idempotency_key=busy-2")
    play.settle(found.json()["results"][0]["id"])


def _page(play: Play) -> None:
    browser = play.browse(play.alice)
    form = browser.get(None, "/add/").page().form_with("amount").data()
    browser.fill("A page waits in vain", "/add/", form | {"amount": "1"})


def _grpc(play: Play) -> None:
    request = {"wallet_id": play.alice.usd, "amount": {"minor_units": 1_00}}
    play.alice.rpc.call("A call waits in vain", "Deposit", request)
    play.alice.rpc.call("A call's deadline is short", "Deposit", request, timeout_s=0.15)
