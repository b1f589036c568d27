"""Accounts over REST: opening one, signing in and out, and what is refused. Leaves everybody with a token."""

from typing import Any

from tests.frozen.cast import PASSWORD, Play, mail_links

REGISTER, LOGIN, LOGOUT, ME = ("/api/v1/auth/register", "/api/v1/auth/login", "/api/v1/auth/logout", "/api/v1/me")
DORA = {"username": "dora", "email": "dora@example.com", "password": PASSWORD}


def play(play: Play) -> None:
    _register(play)
    _register_refused(play)
    _login(play)
    _tokens(play)
    _logout(play)


def _register(play: Play) -> None:
    stranger = play.stranger
    for person in (play.alice, play.bob, play.charlie):
        body = {"username": person.name, "email": person.address, "password": PASSWORD}
        stranger.post(f"{person.name} opens an account", REGISTER, body)
        _confirm(play, person.address)
    capitals = {**DORA, "username": "Dora", "email": "Dora@Example.COM"}
    stranger.post("A name and an address are kept in lower case", REGISTER, capitals)
    credentials = {"username": "Dora@example.com", "password": PASSWORD}
    stranger.post("An address that is not confirmed lets nobody in", LOGIN, credentials)
    _confirm(play, DORA["email"])
    taken = {**DORA, "username": "emil", "email": "Alice@example.com"}
    stranger.post("An address in use looks like any other", REGISTER, taken)
    mail = play.mail_to("alice@example.com", about=lambda text: "confirm-email" not in text)
    play.mail_record("The mail to the owner of the address", mail)


def _confirm(play: Play, address: str) -> None:
    mail = play.mail_to(address, about=lambda text: "confirm-email" in text)
    (link,) = [link for link in mail_links(mail) if "confirm-email" in link]
    browser = play.client()
    browser.get(None, link)
    browser.fill(None, link, {})


def _register_refused(play: Play) -> None:
    stranger = play.stranger
    cases: dict[str, dict[str, Any]] = {
        "The username is taken": {"email": "other@example.com"},
        "The username is taken, in capitals": {"username": "DORA", "email": "other@example.com"},
        "The username looks like another": {"username": "d0ra", "email": "other@example.com"},
        "The username has a space": {"username": "do ra"},
        "The username is an e-mail address": {"username": "do@example.com"},
        "The username is empty": {"username": ""},
        "The username is too long": {"username": "d" * 65},
        "The username is a number": {"username": 5},
        "The username is null": {"username": None},
        "The e-mail address is none": {"email": "dora"},
        "The e-mail address is a list": {"email": ["dora@example.com"]},
        "The password is too short": {"password": "x7Hq"},
        "The password is too common": {"password": "password123"},
        "The password is a number": {"password": "84726153849"},
        "The password is the username": {"username": "dorothea-gale", "password": "dorothea-gale"},
        "A field is unknown": {"is_staff": True},
    }
    for title, change in cases.items():
        stranger.post(title, REGISTER, {**DORA, **change})
    stranger.post("Everything is missing", REGISTER, {})
    stranger.get("Registering is not a GET", REGISTER)


def _login(play: Play) -> None:
    stranger = play.stranger
    right = {"username": "dora", "password": PASSWORD}
    cases: dict[str, dict[str, Any]] = {
        "Dora signs in": {},
        "Dora signs in with her address": {"username": "Dora@example.com"},
        "An otp that nobody needs is no mistake": {"otp": "123456"},
        "The password is wrong": {"password": "wrong"},
        "Nobody has this name": {"username": "nobody"},
        "The name is a list": {"username": ["dora"]},
        "The password is null": {"password": None},
        "The password is empty": {"password": ""},
        "Signing in takes no other field": {"remember": True},
    }
    for title, change in cases.items():
        stranger.post(title, LOGIN, {**right, **change})
    stranger.post("Signing in takes a name and a password", LOGIN, {})
    stranger.get("Signing in is not a GET", LOGIN)
    for person in (play.alice, play.bob, play.charlie):
        play.login(person)


def _tokens(play: Play) -> None:
    stranger, alice = play.stranger, play.alice
    me = alice.api.get("Alice reads her account", ME)
    alice.api.get("She has that already", ME, If_None_Match=me.header("ETag"))
    alice.api.send("She asks for the headers only", "HEAD", ME)
    alice.api.get("A parameter that nobody asked for is ignored", f"{ME}?x=1")
    stranger.get("A stranger has no account to read", ME)
    for title, authorization in {
        "The token is unknown": f"Bearer {'0' * 64}",
        "The token is no token": "Bearer x",
        "The token is missing": "Bearer",
        "There are two tokens": "Bearer x y",
        "The scheme is Basic": "Basic YWxpY2U6eA==",
        "The scheme is unknown": "Nonsense x",
        "The header is empty": "",
        "The token is no ASCII": "Bearer t\xf6ken",
    }.items():
        stranger.get(title, ME, Authorization=authorization)
    stranger.get("The scheme may be written in lower case", ME, Authorization=f"bearer {alice.api.token}")


def _logout(play: Play) -> None:
    leaving = play.client()
    leaving.token = play.stranger.post(None, LOGIN, {"username": "dora", "password": PASSWORD}).json()["token"]
    play.names.know("token:dora", leaving.token)
    leaving.post("Signing out takes no field", LOGOUT, {"everywhere": True})
    leaving.post("Dora signs out", LOGOUT, {})
    leaving.get("Her token opens nothing any more", ME)
    leaving.post("She cannot sign out twice", LOGOUT, {})
    play.stranger.post("A stranger cannot sign out", LOGOUT, {})
    leaving.token = play.stranger.post(None, LOGIN, {"username": "dora", "password": PASSWORD}).json()["token"]
    leaving.send("Signing out needs no body", "POST", LOGOUT)
    leaving.get("Signing out is not a GET", LOGOUT)
