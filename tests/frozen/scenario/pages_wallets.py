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
    browser.get("The tokens", "/tokens/")
    asked = browser.fill("The password is asked for once more", "/tokens/", {"name": "Till"})
    browser.fill(None, asked.header("Location"), {"password": play.alice.password})
    made = browser.fill("A token is made", "/tokens/", {"name": "Till"})
    (secret,) = re.findall(r'<code id="secret">([^<]+)</code>', made.text)
    play.names.know("token:till", secret)
    till = play.client()
    till.token = secret
    till.get("It opens the API", "/api/v1/me")
    browser.fill("A token needs a name", "/tokens/", {"name": ""})
    browser.fill("A name has 80 characters", "/tokens/", {"name": "n" * 81})
    digests = [form.data()["digest"] for form in browser.get(None, "/tokens/").page().forms if "digest" in form.data()]
    bob = play.browse(play.bob)
    bob.fill("Bob cannot revoke it", "/tokens/revoke/", {"digest": digests[0]})
    browser.fill("A token that is none", "/tokens/revoke/", {"digest": "x"})
    browser.fill("A token is revoked", "/tokens/revoke/", {"digest": digests[0]})
    browser.get("Revoking takes a POST", "/tokens/revoke/")
    browser.get("The tokens afterwards", "/tokens/")
    till.get("It opens nothing any more", "/api/v1/me")
