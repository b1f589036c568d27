"""Pages about one's account: settings, address, password, and two-factor authentication, over REST too."""

import re

from tests.frozen.authenticator import totp_code
from tests.frozen.cast import Play, mail_links
from tests.frozen.scenario.pages_entrance import LOGIN, NEW_PASSWORD
from tests.frozen.wire import Answer, Client

EMAIL, CHANGE, ACTIVATE = "/accounts/email/", "/accounts/password/change/", "/accounts/2fa/totp/activate/"
CODES = "/accounts/2fa/recovery-codes/"
NEWEST_PASSWORD = "an even longer phrase than before"


def play(play: Play) -> None:
    erin = play.client()
    erin.get(None, LOGIN)
    erin.fill(None, LOGIN, {"login": "erin", "password": NEW_PASSWORD})
    erin.get("The settings", "/settings/")
    _address(play, erin)
    _password(play, erin)
    codes = _activate(play, erin)
    _second_factor(play, codes)
    _second_factor_rest(play, codes)
    _deactivate(play, erin)
    _security(play, erin)


def _address(play: Play, erin: Client) -> None:
    erin.get("Erin's address", EMAIL)
    asked = erin.fill("The password is asked for once more", EMAIL, {"email": "erin@first.example", "action_add": ""})
    form = asked.header("Location")
    erin.get("The page that asks for it", form)
    erin.fill("It is wrong", form, {"password": "wrong"})
    erin.fill("It is right", form, {"password": NEW_PASSWORD})
    for title, address in {
        "Somebody else has this address": "bob@example.com",
        "This is no address": "erin",
        "This is her address": "erin@example.com",
        "She changes her address": "erin@new.example",
    }.items():
        erin.fill(title, EMAIL, {"email": address, "action_add": ""})
    erin.get("The change waits for her to confirm it", EMAIL)
    mail = play.mail_to("erin@new.example")
    (link,) = [link for link in mail_links(mail) if "confirm-email" in link]
    play.mail_record("The mail to the new address", mail)
    erin.fill("She has it sent again", EMAIL, {"email": "erin@new.example", "action_send": ""})
    erin.fill("She calls it off", EMAIL, {"email": "erin@new.example", "action_remove": ""})
    erin.fill("The link of what was called off", link, {})
    erin.fill(None, EMAIL, {"email": "erin@new.example", "action_add": ""})
    mail = play.mail_to("erin@new.example", about=lambda text: "confirm-email" in text and link not in text)
    (link,) = [other for other in mail_links(mail) if "confirm-email" in other]
    erin.fill("She confirms it", link, {})
    erin.get("She has a new address", EMAIL)
    mail = play.mail_to("erin@example.com", about=lambda text: "email/undo" in text)
    (undo,) = [link for link in mail_links(mail) if "email/undo" in link]
    play.mail_record("The mail to the old address", mail)
    play.client().get("The page that undoes the change", undo)
    play.client().get("A link that undoes nothing", "/accounts/email/undo/none/")
    erin.get("The page for her name", "/settings/name/")
    for title, name in {
        "A name that looks like another's": "A1ice",
        "A name with invisible characters": "Er\u200bin",
        "She gives her name": "Erin O. Neill",
    }.items():
        erin.fill(title, "/settings/name/", {"display_name": name})


def _password(play: Play, erin: Client) -> None:
    erin.get("The page to change a password", CHANGE)
    token = play.client()
    token.token = _signed_in(play, NEW_PASSWORD).json()["token"]
    play.names.know("token:erin", token.token)
    for title, (old, new, again) in {
        "The current password is wrong": ("wrong", NEWEST_PASSWORD, NEWEST_PASSWORD),
        "The new passwords differ": (NEW_PASSWORD, NEWEST_PASSWORD, "other"),
        "The new password is too common": (NEW_PASSWORD, "password123", "password123"),
        "The password is changed": (NEW_PASSWORD, NEWEST_PASSWORD, NEWEST_PASSWORD),
    }.items():
        erin.fill(title, CHANGE, {"oldpassword": old, "password1": new, "password2": again})
    erin.get("The session goes on", "/settings/")
    token.get("Her tokens have ended", "/api/v1/me")
    play.mail_record("The mail about it", play.mail_to("erin@new.example", about=lambda text: "password" in text))


def _signed_in(play: Play, password: str, title: str | None = None, **more: str) -> Answer:
    credentials = {"username": "erin", "password": password, **more}
    return play.stranger.post(title, "/api/v1/auth/login", credentials)


def _activate(play: Play, erin: Client) -> list[str]:
    """Returns the recovery codes."""
    erin.get("Two-factor authentication is off", "/accounts/2fa/")
    page = erin.get("The page to activate an app", ACTIVATE)
    (secret,) = re.findall(r'<code id="totp-secret">([A-Z2-7]+)</code>', page.text)
    erin.fill("The code is none", ACTIVATE, {"code": "nonsense"})
    code = totp_code(secret)
    play.names.know("code", code)
    erin.fill("The code is right", ACTIVATE, {"code": code})
    erin.get("Two-factor authentication is on", "/accounts/2fa/")
    erin.get("The page to deactivate it", "/accounts/2fa/totp/deactivate/")
    shown = erin.get("The recovery codes", CODES)
    codes = re.findall(r"<code>([0-9a-f]{8})</code>", shown.text)
    for number, recovery in enumerate(codes):
        play.names.know(f"recovery code {number}", recovery)
    erin.get("The recovery codes as a file", f"{CODES}download/")
    erin.get("The page for new recovery codes", f"{CODES}generate/")
    return codes


def _second_factor(play: Play, codes: list[str]) -> None:
    erin = play.client()
    erin.get(None, LOGIN)
    erin.fill("The password alone is not enough", LOGIN, {"login": "erin", "password": NEWEST_PASSWORD})
    form = "/accounts/2fa/authenticate/"
    erin.get("The page that asks for a code", form)
    erin.get("She is not in yet", "/settings/")
    erin.fill("A wrong code", form, {"code": "nonsense"})
    erin.fill("No code", form, {"code": ""})
    erin.fill("A recovery code", form, {"code": codes[0]})
    erin.get("She is in", "/settings/")


def _second_factor_rest(play: Play, codes: list[str]) -> None:
    _signed_in(play, NEWEST_PASSWORD, "REST asks for an otp")
    _signed_in(play, NEWEST_PASSWORD, "REST refuses a wrong otp", otp="nonsense")
    _signed_in(play, NEWEST_PASSWORD, "REST takes a recovery code", otp=codes[1])
    _signed_in(play, NEWEST_PASSWORD, "REST takes it once", otp=codes[1])
    _signed_in(play, "wrong", "REST does not say so to a wrong password", otp=codes[2])


def _deactivate(play: Play, erin: Client) -> None:
    erin.fill("New recovery codes", f"{CODES}generate/", {})
    erin.fill("Two-factor authentication is switched off", "/accounts/2fa/totp/deactivate/", {})
    erin.get("It is off", "/accounts/2fa/")


def _security(play: Play, erin: Client) -> None:
    lock = "/accounts/security/lock/"
    erin.get("Her security activity", "/accounts/security/")
    erin.get("Nothing is older", "/accounts/security/?before=1")
    erin.get("The page that locks her account", lock)
    mail = play.mail_to("erin@new.example", about=lambda text: "/accounts/lock/" in text)
    (link,) = [link for link in mail_links(mail) if "/accounts/lock/" in link]
    stranger = play.client()
    stranger.get("The link in a mail asks first", link)
    stranger.get("A link that is not ours", "/accounts/lock/made-up/")
    erin.fill("She locks her account", lock, {})
    erin.get("It is locked", "/accounts/locked/")
    erin.get("She is logged out", "/settings/")
    _signed_in(play, NEWEST_PASSWORD, "Her password no longer works")
