"""Sending money in the browser: the form, the review, at once or in the background, and the receipt that follows."""

from tests.frozen.cast import Play
from tests.frozen.wire import Client

SEND, REVIEW = "/send/", "/send/review/"


def play(play: Play) -> None:
    browser = play.browse(play.alice)
    _form(play, browser)
    _sent(play, browser)
    _background(play, browser)
    _failed(play, browser)
    _drafts(play, browser)


def _entered(browser: Client, play: Play, **change: str) -> dict[str, str]:
    """The form as a browser sends it, with a key of its own."""
    blank = browser.get(None, SEND).page().form_with("recipient").data()
    return blank | {"wallet": play.alice.usd, "recipient": "bob", "amount": "4.50", "memo": "Coffee"} | change


def _form(play: Play, browser: Client) -> None:
    alice, bob = play.alice, play.bob
    browser.get("The form", SEND)
    browser.get("The form with somebody's name", f"{SEND}?to=bob&wallet={alice.wallets['EUR']}")
    right = _entered(browser, play)
    for title, change in {
        "Nobody has this name": {"recipient": "nobody"},
        "Nobody has this address": {"recipient": "nobody@example.com"},
        "No name": {"recipient": ""},
        "To herself": {"recipient": "alice"},
        "More than there is": {"amount": "1000000"},
        "No amount": {"amount": ""},
        "Nothing": {"amount": "0.00"},
        "Bob's wallet": {"wallet": bob.usd},
        "Bob holds no yen": {"wallet": alice.wallets["JPY"], "amount": "5"},
        "Yen have no decimals": {"wallet": alice.wallets["JPY"], "amount": "5.50"},
        "A long note": {"memo": "m" * 201},
        "A key that is none": {"idempotency_key": "x"},
    }.items():
        browser.fill(title, SEND, {**right, **change})


def _sent(play: Play, browser: Client) -> None:
    entered = _entered(browser, play)
    browser.get("Nothing to review", REVIEW)
    browser.fill("The form is sent", SEND, entered)
    draft = browser.get("The review", REVIEW).page().form_with("draft").data()
    browser.get("Something is changed", f"{SEND}?change")
    receipt = browser.fill("It is sent", REVIEW, draft).header("Location")
    browser.get("The receipt", receipt)
    again = browser.fill("It is sent twice", REVIEW, draft).header("Location")
    browser.get("The receipt says so", again)
    browser.fill("And in the background", REVIEW, draft | {"how": "background"})
    play.browse(play.bob).get("Bob's receipt", receipt.partition("?")[0])
    browser.get("The form with what was sent before", f"{SEND}?again={receipt.split('/')[2]}")
    browser.get("The form with what others sent", f"{SEND}?again=4096")


def _background(play: Play, browser: Client) -> None:
    alice = play.alice
    browser.fill(None, SEND, _entered(browser, play, memo="Later"))
    draft = browser.get(None, REVIEW).page().form_with("draft").data()
    receipt = browser.fill("It is sent in the background", REVIEW, draft | {"how": "background"}).header("Location")
    path = receipt.partition("?")[0]
    browser.get("It is on its way", receipt)
    browser.get("The first look", f"{path}?done=now&look=1", HX_Request="true")
    browser.get("A late look", f"{path}?look=61", HX_Request="true")
    browser.get("The last look", f"{path}?look=62", HX_Request="true")
    browser.get("A look that was not made here", f"{path}?look=x", HX_Request="true")
    play.browse(play.bob).get("Bob sees it, too", path)
    browser.get("Home shows it", "/")
    browser.get("So does the history", f"/history/?wallet={alice.usd}")
    browser.fill("It is sent at once, too", REVIEW, draft)
    play.settle(path.split("/")[2])
    browser.get("A look once it is posted", f"{path}?done=now&look=3", HX_Request="true")
    browser.get("Its page once it is posted", path)


def _failed(play: Play, browser: Client) -> None:
    alice = play.alice
    euros = alice.wallets["EUR"]
    alice.api.post(None, f"/api/v1/wallets/{euros}/deposits", {"amount": 20_00})
    balance = alice.api.get(None, f"/api/v1/wallets/{euros}").json()["balance"]
    browser.fill(None, SEND, _entered(browser, play, wallet=euros, amount=f"{balance / 100:.2f}"))
    draft = browser.get(None, REVIEW).page().form_with("draft").data()
    path = browser.fill(None, REVIEW, draft | {"how": "background"}).header("Location").partition("?")[0]
    alice.api.post(None, f"/api/v1/wallets/{euros}/withdrawals", {"amount": balance})
    play.settle(path.split("/")[2])
    browser.get("It has failed", path)
    browser.get("A look once it has failed", f"{path}?look=2", HX_Request="true")
    browser.get("The form to try it again", f"{SEND}?again={path.split('/')[2]}")
    browser.get("Home shows that it failed", f"/?wallet={euros}")
    browser.fill("What failed is not sent again", REVIEW, draft)


def _drafts(play: Play, browser: Client) -> None:
    bob = play.browse(play.bob)
    browser.fill(None, SEND, _entered(browser, play))
    draft = browser.get(None, REVIEW).page().form_with("draft").data()
    bob.fill("A draft is its writer's alone", REVIEW, {"draft": draft["draft"]})
    browser.fill("A draft is signed", REVIEW, {"draft": f"{draft['draft']}x"})
    browser.fill("A draft is needed", REVIEW, {})
    play.wallet_change("freeze", play.bob.usd)
    browser.fill("Bob's wallet was frozen meanwhile", REVIEW, draft)
    browser.get("The review says so, too", REVIEW)
    play.wallet_change("reopen", play.bob.usd)
    browser.fill("Nothing was sent; now it is", REVIEW, draft)
