"""The site with limits, all of them a tenth: what it says of them with every answer, and what it says beyond them."""

from collections.abc import Callable

from tests.frozen.cast import Play
from tests.frozen.wire import Answer, Client

LOGIN = "/api/v1/auth/login"
TRIES_MAX = 2_000


def play(play: Play) -> None:
    alice, stranger = play.client(port=play.stage.limited), play.client(port=play.stage.limited)
    alice.token = play.alice.api.token
    wallet = f"/api/v1/wallets/{play.alice.usd}"
    alice.get("A read is counted", "/api/v1/me")
    alice.get("A history costs more", f"{wallet}/transactions?limit=1")
    alice.post("A write is counted", "/api/v1/wallets", {"currency": "XYZ"})
    alice.post("Money is counted", f"{wallet}/deposits", {"amount": 1_00})
    alice.post("A list is counted by its items", "/api/v2/transfers/bulk", {"transfers": [{}, {}]})
    json = {"Content_Type": "application/json"}
    alice.send("What cannot be read is counted, too", "POST", "/api/v2/transfers/bulk", b"{", **json)
    stranger.get("A stranger is counted by address", "/api/v1/me")
    stranger.get("A visitor of the schema's page is limited as well", "/api/docs")
    stranger.get("An address that is none is not counted", "/api/v1/nothing")
    stranger.post("Registering is counted", "/api/v1/auth/register", {})
    _beyond(play, alice, stranger)


def _beyond(play: Play, alice: Client, stranger: Client) -> None:
    wallet = f"/api/v1/wallets/{play.alice.usd}"
    wrong = {"username": "nobody", "password": "wrong"}
    _until_refused(play, lambda title: alice.post(title, f"{wallet}/deposits", {}), "Too much money")
    _until_refused(play, lambda title: alice.post(title, "/api/v1/wallets", {}), "Too many writes")
    alice.get("Reads have a bucket of their own", "/api/v1/me")
    _until_refused(play, lambda title: stranger.post(title, LOGIN, wrong), "Too many guesses at a name")
    _until_refused(play, lambda title: stranger.get(title, "/api/v1/me"), "Too many strangers")
    _until_refused(play, lambda title: stranger.post(title, "/api/v1/auth/register", {}), "Too many accounts")
    _forms(play, stranger)
    _grpc(play)


def _grpc(play: Play) -> None:
    charlie, area = play.charlie.rpc, play.log.area
    for title, caller, method in (
        ("Too many calls about money", charlie, "Deposit"),
        ("Too many calls of strangers", play.caller, "ListWallets"),
    ):
        for _ in range(TRIES_MAX):
            numbers = play.log.names.numbers_kept()
            refused = caller.call(None, method, {})["code"] == "RESOURCE_EXHAUSTED"
            if refused and caller.call(title, method, {})["code"] == "RESOURCE_EXHAUSTED":
                break
            area.exchanges.pop(title, None)
            play.log.names.numbers_restore(numbers)
        assert title in area.exchanges, f"{title}: no limit was met."


def _forms(play: Play, stranger: Client) -> None:
    stranger.get(None, "/accounts/login/")
    guess = {"login": "nobody", "password": "wrong"}
    _until_refused(
        play, lambda title: stranger.fill(title, "/accounts/login/", guess), "Too many guesses in the browser"
    )
    browser = play.client(port=play.stage.limited)
    browser.cookies = dict(play.browse(play.alice).cookies)
    form = browser.get(None, "/add/").page().form_with("amount").data()
    _until_refused(
        play, lambda title: browser.fill(title, "/add/", form | {"amount": "nothing"}), "Too many forms with money"
    )
    _until_refused(play, lambda title: browser.fill(title, "/wallets/", {"currency": "XYZ"}), "Too many forms")


def _until_refused(play: Play, send: Callable[[str | None], Answer], title: str) -> None:
    """Sends until a limit is met, and records one refusal more."""
    for _ in range(TRIES_MAX):
        if send(None).status == 429:
            numbers = play.log.names.numbers_kept()
            if send(title).status == 429:
                return
            # On a slow machine the bucket has been filled a little in between.
            del play.log.area.exchanges[title]
            play.log.names.numbers_restore(numbers)
    raise AssertionError(f"{title}: no limit was met.")
