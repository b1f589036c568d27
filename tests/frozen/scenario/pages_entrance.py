"""Pages for strangers: landing, signing up, logging in and out, and a forgotten password."""

from tests.frozen.cast import PASSWORD, Play, mail_links

LOGIN, SIGN_UP, RESET = "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"
NEW_PASSWORD = "a longer phrase than before"


def play(play: Play) -> None:
    _landing(play)
    _sign_up(play)
    _login(play)
    _reset(play)


def _landing(play: Play) -> None:
    stranger = play.client()
    stranger.get("The landing page", "/")
    stranger.get("The landing page, packed", "/", Accept_Encoding="gzip, deflate, br")
    stranger.send("The landing page's headers only", "HEAD", "/")
    stranger.send("The landing page takes no POST", "POST", "/")
    stranger.get("The landing page for htmx", "/", HX_Request="true")
    for path in ("/live/", "/add/", "/withdraw/", "/send/", "/send/review/", "/history/", "/transactions/4096/",
                 "/wallets/", "/tokens/", "/settings/", "/accounts/email/", "/accounts/password/change/",
                 "/accounts/2fa/", "/accounts/logout/"):  # fmt: skip
        stranger.get(f"A stranger at {path}", path)
    stranger.get("A stranger at a page with parameters", "/history/?direction=in")
    stranger.get("A stranger at a page for htmx", "/live/", HX_Request="true")


def _sign_up(play: Play) -> None:
    stranger = play.client()
    stranger.get("The sign-up page", SIGN_UP)
    right = {"username": "erin", "email": "erin@example.com", "password1": PASSWORD}
    for title, change in {
        "The username is taken": {"username": "Alice"},
        "The username has a space": {"username": "er in"},
        "The username looks like another": {"username": "a1ice"},
        "The address is none": {"email": "erin"},
        "The password is too common": {"password1": "password123"},
        "Everything is missing": {"username": "", "email": "", "password1": ""},
    }.items():
        stranger.fill(title, SIGN_UP, {**right, **change})
    stranger.fill("Erin signs up", SIGN_UP, right)
    stranger.get("She sees her wallet", "/")
    stranger.get("Nobody signs up twice", SIGN_UP)
    mail = play.mail_to("erin@example.com", about=lambda text: "confirm-email" in text)
    (link,) = [link for link in mail_links(mail) if "confirm-email" in link]
    play.mail_record("The mail that asks her to confirm her address", mail)
    stranger.get("She follows the link", link)
    stranger.fill("She confirms her address", link, {})
    stranger.get("The link a second time", link)
    stranger.get("A link that is none", "/accounts/confirm-email/none/")


def _login(play: Play) -> None:
    erin = play.client()
    erin.get("The login page", LOGIN)
    erin.get("The login page, on the way to another", f"{LOGIN}?next=/history/%3Fdirection%3Din")
    for title, entered in {
        "The password is wrong": {"login": "erin", "password": "wrong"},
        "Nobody has this name": {"login": "nobody", "password": PASSWORD},
        "Nobody has this address": {"login": "nobody@example.com", "password": PASSWORD},
        "Nothing was entered": {},
    }.items():
        erin.fill(title, LOGIN, entered)
    erin.fill("Erin logs in with her address", LOGIN, {"login": "Erin@example.com", "password": PASSWORD})
    erin.get("She is in already", LOGIN)
    erin.get("The page to log out", "/accounts/logout/")
    erin.fill("She logs out", "/accounts/logout/", {})
    erin.get("She is out", "/settings/")
    erin.get(None, LOGIN)
    right = {"login": "erin", "password": PASSWORD}
    kept = {**right, "remember": "on"}
    erin.fill("She goes on to where she was going", f"{LOGIN}?next=/history/%3Fdirection%3Din", kept)
    erin.fill(None, "/accounts/logout/", {})
    erin.get(None, LOGIN)
    erin.fill("She does not go on to another site", f"{LOGIN}?next=https://evil.example/", right)
    without = play.client()
    without.fill("Nobody logs in without a CSRF token", LOGIN, right)


def _reset(play: Play) -> None:
    erin = play.client()
    erin.get("The page for a forgotten password", RESET)
    erin.fill("Erin asks for a link", RESET, {"email": "erin@example.com"})
    erin.get("The link is on its way", "/accounts/password/reset/done/")
    erin.fill("An address that nobody has", RESET, {"email": "nobody@example.com"})
    erin.fill("No address", RESET, {"email": ""})
    mail = play.mail_to("erin@example.com", about=lambda text: "/reset/key/" in text)
    (link,) = [link for link in mail_links(mail) if "/reset/key/" in link]
    play.names.know("reset key", link.rstrip("/").partition("-")[2])
    play.mail_record("The mail with the link", mail)
    play.mail_record("The mail to an address that nobody has", play.mail_to("nobody@example.com"))
    form = erin.get("She follows it", link).header("Location")
    erin.get("The page for a new password", form)
    for title, passwords in {
        "The passwords differ": (NEW_PASSWORD, PASSWORD),
        "The password is too short": ("x7Hq", "x7Hq"),
        "The password is changed": (NEW_PASSWORD, NEW_PASSWORD),
    }.items():
        erin.fill(title, form, {"password1": passwords[0], "password2": passwords[1]})
    erin.get("The password has been changed", "/accounts/password/reset/key/done/")
    play.client().get("The link works once", link)
    erin.get(None, LOGIN)
    erin.fill("The old password opens nothing", LOGIN, {"login": "erin", "password": PASSWORD})
    erin.fill("The new one does", LOGIN, {"login": "erin", "password": NEW_PASSWORD})
