"""Pages about wallets and API tokens."""

import re

from tests.frozen.cast import Play
from tests.frozen.wire import Client


def play(play: Play) -> None:
    browser = play.browse(play.alice)
    _wallets(play, browser)
    _tokens(play, browser)


def _wallets(play: Play, browser: Client) -> None:
    browser.get("The wallets", "/wallets/")
    browser.send("The wallets' headers only", "HEAD", "/wallets/")
    for title, currency in {
        "A wallet in pounds is opened": "GBP",
        "There is one already": "USD",
        "There is no such currency": "XYZ",
        "No currency": "",
    }.items():
        browser.fill(title, "/wallets/", {"currency": currency})
    browser.get("The wallets, with a message", "/wallets/")
    browser.get("The message is shown once", "/wallets/")
    play.wallets_learn(play.alice)
    play.wallet_change("freeze", play.alice.wallets["GBP"])
    browser.get("A frozen wallet among them", "/wallets/")
    browser.get("Home with a frozen wallet", f"/?wallet={play.alice.wallets['GBP']}")
    play.wallet_change("close", play.alice.wallets["GBP"])
    browser.get("A closed wallet among them", "/wallets/")


def _tokens(play: Play, browser: Client) -> None:
    wanted = {"name": "Till", "scope": "read", "valid_days": "30"}
    browser.get("The tokens", "/tokens/")
    asked = browser.fill("The password is asked for once more", "/tokens/", wanted)
    browser.fill(None, asked.header("Location"), {"password": play.alice.password})
    made = browser.fill("A token is made", "/tokens/", wanted)
    (secret,) = re.findall(r'<code id="secret">([^<]+)</code>', made.text)
    play.names.know("token:till", secret)
    till = play.client()
    till.token = secret
    till.get("It opens the API", "/api/v1/me")
    till.get("What it may do", "/api/v1/auth/token")
    till.post("It only reads, so it opens no wallet", "/api/v1/wallets", {"currency": "NOK"})
    browser.get("A browser has no token", "/api/v1/auth/token")
    browser.fill("A token needs a name", "/tokens/", {**wanted, "name": ""})
    browser.fill("A name has 80 characters", "/tokens/", {**wanted, "name": "n" * 81})
    digests = [form.data()["digest"] for form in browser.get(None, "/tokens/").page().forms if "digest" in form.data()]
    bob = play.browse(play.bob)
    bob.fill("Bob cannot revoke it", "/tokens/revoke/", {"digest": digests[0]})
    browser.fill("A token that is none", "/tokens/revoke/", {"digest": "x"})
    browser.fill("A token is revoked", "/tokens/revoke/", {"digest": digests[0]})
    browser.get("Revoking takes a POST", "/tokens/revoke/")
    browser.get("The tokens afterwards", "/tokens/")
    till.get("It opens nothing any more", "/api/v1/me")
    _token_with_limits(play, browser)


def _token_with_limits(play: Play, browser: Client) -> None:
    wanted = {"name": "Shop", "scope": "move_money", "per_payment_USD": "10.00", "valid_days": "7"}
    browser.fill("A limit that is no amount", "/tokens/", {**wanted, "per_payment_USD": "ten"})
    browser.fill("A token that only reads needs no limits", "/tokens/", {**wanted, "scope": "read"})
    made = browser.fill("A token with a limit is made", "/tokens/", wanted)
    (secret,) = re.findall(r'<code id="secret">([^<]+)</code>', made.text)
    play.names.know("token:shop", secret)
    shop = play.client()
    shop.token = secret
    shop.get("What the token with a limit may do", "/api/v1/auth/token")
    shop.post("More than its limit", f"/api/v1/wallets/{play.alice.usd}/withdrawals", {"amount": 1_001})
    browser.get("There is no question about tokens", "/tokens/question/")
    shop.post("It ends itself", "/api/v1/auth/logout", {})
    shop.get("It may do nothing any more", "/api/v1/auth/token")
