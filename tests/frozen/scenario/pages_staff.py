"""The staff's pages: Django admin, its lists, and freezing a wallet."""

from tests.frozen.cast import Play
from tests.frozen.wire import Client

LISTS = (
    "wallets/user", "wallets/wallet", "wallets/walletstatusevent", "wallets/apitoken", "transactions/transaction",
    "transactions/entry", "transactions/job", "transactions/deadletter", "transactions/deadletteraction",
    "account/emailaddress", "mfa/authenticator", "auth/group",
)  # fmt: skip


def play(play: Play) -> None:
    _door(play)
    desk = play.browse(play.staff)
    _lists(play, desk)
    _status(play, desk)
    _queue(play, desk)


def _door(play: Play) -> None:
    stranger = play.client()
    stranger.get("A stranger at the desk", "/admin/")
    stranger.get("A stranger at a list", "/admin/wallets/wallet/")
    stranger.get("A stranger at the desk's login", "/admin/login/")
    customer = play.browse(play.alice)
    customer.get("A customer at the desk", "/admin/")
    customer.get("A customer at the desk's login", "/admin/login/?next=/admin/")
    customer.get("A customer at a list", "/admin/wallets/wallet/")


def _lists(play: Play, desk: Client) -> None:
    desk.get("The desk", "/admin/")
    desk.get("The lists about wallets", "/admin/wallets/")
    for name in LISTS:
        desk.get(f"The list {name}", f"/admin/{name}/")
        desk.get(f"Nothing is added to {name} by hand", f"/admin/{name}/add/")
        desk.get(f"A search in {name}", f"/admin/{name}/?q=alice")
    wallet = f"/admin/wallets/wallet/{play.alice.usd}"
    desk.get("A wallet", f"{wallet}/change/")
    desk.get("A wallet's history", f"{wallet}/history/")
    desk.get("A wallet is not deleted", f"{wallet}/delete/")
    desk.get("A wallet that there is not", "/admin/wallets/wallet/4096/change/")
    desk.get("A filter", "/admin/wallets/wallet/?status__exact=open")
    desk.get("A filter that is none", "/admin/wallets/wallet/?nonsense=1")
    user = play.alice.api.get(None, "/api/v1/me").json()["id"]
    desk.get("A person", f"/admin/wallets/user/{user}/change/")
    desk.get("The password is changed elsewhere", "/admin/password_change/")
    transaction = play.alice.api.get(None, f"/api/v1/wallets/{play.alice.usd}/transactions?limit=1").json()
    number = transaction["results"][0]["transaction"]["id"]
    desk.get("A transaction", f"/admin/transactions/transaction/{number}/change/")
    desk.get("There is no such page", "/admin/nothing/")


def _status(play: Play, desk: Client) -> None:
    hers, his = play.alice.wallets["EUR"], play.bob.wallets["EUR"]
    path = f"/admin/wallets/wallet/status/freeze/?ids={hers}"
    desk.get("The page to freeze a wallet", path)
    desk.fill("A reason is needed", path, {"reason": " "})
    desk.fill("The wallet is frozen", path, {"reason": "Stolen phone"})
    desk.get("The frozen wallet", f"/admin/wallets/wallet/{hers}/change/")
    desk.get("It is frozen already", path)
    selected: dict[str, str | list[str]] = {"action": "reopen", "_selected_action": [hers, his]}
    desk.fill("Two wallets are selected", "/admin/wallets/wallet/", selected)
    both = f"/admin/wallets/wallet/status/reopen/?ids={his},{hers}"
    desk.get("One of them can be reopened", both)
    desk.fill("It is reopened", both, {"reason": "Phone found"})
    desk.fill(
        "A wallet with money is not closed", f"/admin/wallets/wallet/status/close/?ids={his}", {"reason": "Asked"}
    )
    desk.get("There is no such change", f"/admin/wallets/wallet/status/empty/?ids={hers}")
    desk.get("There is no such wallet to freeze", "/admin/wallets/wallet/status/freeze/?ids=4096")
    play.browse(play.alice).fill("A customer freezes nothing", path, {"reason": "Because"})


def _queue(play: Play, desk: Client) -> None:
    alice = play.alice
    body = {"source": alice.usd, "recipient": "bob", "amount": 1_00}
    pending = alice.api.post(None, "/api/v2/transfers", body).json()["id"]
    listed = desk.get("A pending transfer in the queue", "/admin/transactions/job/").page()
    job = next(link for link in listed.links if link.endswith("/change/"))
    desk.get("The pending transfer's job", job)
    desk.get("The pending transfer", f"/admin/transactions/transaction/{pending}/change/")
    desk.get("It is no dead letter", f"/admin/transactions/deadletter/dry-run/{pending}/")
    desk.get("It cannot be settled by hand", f"/admin/transactions/deadletter/settle/fail/?ids={pending}")
    play.settle(pending)
    desk.fill("Staff log out", "/admin/logout/", {})
    desk.get("They are out", "/admin/")
    desk.cookies.clear()
