"""Registering, logging in and logging out."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client
from django.utils import timezone
from time_machine import TimeMachineFixture

from tests.api.client import Api, Person, assert_problem, json_of
from tests.people import PASSWORD
from wallets.models import ApiToken, User, Wallet
from wallets.tokens.services import token_issue

NEWCOMER = {"username": "dora", "email": "dora@example.com", "password": PASSWORD}


def login(anybody: Api, username: str = "alice", password: str = PASSWORD) -> Api:
    answer = json_of(anybody.post("/auth/login", {"username": username, "password": password}))
    return Api(token=answer["token"])


@pytest.mark.django_db
def test_registering_creates_an_account_with_a_usd_wallet(anybody: Api) -> None:
    response = anybody.post("/auth/register", NEWCOMER)

    assert response.status_code == 201
    assert response["Location"] == "/api/v1/me"
    user = User.objects.get(username="dora")
    body = json_of(response)
    assert body["id"] == str(user.pk)
    assert body["username"] == "dora"
    assert body["display_name"] == "dora"
    assert body["email"] is None
    assert body["created_at"].endswith("Z")
    assert set(body) == {"id", "username", "display_name", "email", "created_at"}
    assert Wallet.objects.get(owner=user).currency == "USD"


@pytest.mark.django_db
def test_usernames_and_emails_are_stored_in_lower_case(anybody: Api) -> None:
    response = anybody.post("/auth/register", {**NEWCOMER, "username": " Dora ", "email": "Dora@Example.COM"})

    assert json_of(response)["username"] == "dora"
    assert EmailAddress.objects.get().email == "dora@example.com"


@pytest.mark.django_db
def test_me_shows_an_email_once_it_is_confirmed(anybody: Api) -> None:
    anybody.post("/auth/register", NEWCOMER)
    dora = login(anybody, "dora")
    assert json_of(dora.get("/me"))["email"] is None

    (message,) = mail.outbox
    link = re.search(r"http://testserver(/\S+)", str(message.body))
    assert link
    Client().post(link[1])

    assert json_of(dora.get("/me"))["email"] == "dora@example.com"
    assert json_of(login(anybody, "DORA@example.com").get("/me"))["username"] == "dora"


def test_registering_with_an_email_in_use_looks_the_same_and_tells_its_owner(anybody: Api, alice: Person) -> None:
    answers = []
    for name, email in (("dora", "dora@example.com"), ("emil", "ALICE@example.com")):
        response = anybody.post("/auth/register", {**NEWCOMER, "username": name, "email": email})
        headers = {key: value for key, value in response.headers.items() if not key.startswith(("RateLimit", "X-Req"))}
        body = json_of(response)
        shown = {key: body[key] for key in ("email", "display_name")}
        answers.append((response.status_code, headers, str(shown).replace(name, "NAME"), len(response.content)))

    assert answers[0] == answers[1]
    assert [(message.to, message.subject) for message in mail.outbox] == [
        (["dora@example.com"], "Confirm your email"),
        (["alice@example.com"], "Somebody entered your email"),
    ]
    assert User.objects.get(email="alice@example.com") == alice.user


@pytest.mark.parametrize("name", ["a1ice", "A.lice", "\uff41\uff4c\uff49\uff43\uff45"])
def test_a_username_that_looks_like_another_is_refused(anybody: Api, alice: Person, name: str) -> None:
    problem = assert_problem(anybody.post("/auth/register", {**NEWCOMER, "username": name}), "malformed", 400)

    assert list(problem["errors"]) == ["username"]


@pytest.mark.django_db
def test_an_unconfirmed_email_does_not_log_in(anybody: Api) -> None:
    anybody.post("/auth/register", NEWCOMER)
    credentials = {"username": "dora@example.com", "password": PASSWORD}

    assert_problem(anybody.post("/auth/login", credentials), "not_authenticated", 401)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "-dora"),
        ("username", "do ra"),
        ("username", "dora@example.com"),
        ("username", "d" * 65),
        ("username", "дора"),
        ("username", 7),
        ("username", None),
        ("username", ["dora"]),
        ("email", "dora"),
        ("email", "dora@"),
        ("email", 7),
        ("email", "d" * 250 + "@example.com"),
        ("password", "short"),
        ("password", "password1"),
        ("password", "1234567890123"),
        ("password", "dora@example.com"),
        ("password", "x" * 1_001),
        ("password", 12345678901234),
        ("password", True),
    ],
)
@pytest.mark.django_db
def test_a_bad_field_is_named(anybody: Api, field: str, value: object) -> None:
    problem = assert_problem(anybody.post("/auth/register", {**NEWCOMER, field: value}), "malformed", 400)

    assert list(problem["errors"]) == [field]
    assert not User.objects.filter(email="dora@example.com").exists()


@pytest.mark.django_db
def test_every_missing_field_is_named_at_once(anybody: Api) -> None:
    problem = assert_problem(anybody.post("/auth/register", {}), "malformed", 400)

    assert set(problem["errors"]) == {"username", "email", "password"}


def test_a_taken_username_is_named(anybody: Api, alice: Person) -> None:
    problem = assert_problem(anybody.post("/auth/register", {**NEWCOMER, "username": "Alice"}), "malformed", 400)

    assert list(problem["errors"]) == ["username"]
    assert not Wallet.objects.exclude(owner=alice.user).filter(owner__isnull=False).exists()


@pytest.mark.parametrize("name", ["alice", "ALICE", " alice ", "alice@example.com"])
def test_alice_logs_in_by_username_or_email_and_gets_a_token(anybody: Api, alice: Person, name: str) -> None:
    response = anybody.post("/auth/login", {"username": name, "password": PASSWORD})

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
    body = json_of(response)
    assert set(body) == {"token", "expires_at"}
    assert json_of(Api(token=body["token"]).get("/me"))["username"] == "alice"


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("alice", f" {PASSWORD} ")])
def test_wrong_credentials_all_get_the_same_answer(anybody: Api, alice: Person, name: str, password: str) -> None:
    problem = assert_problem(
        anybody.post("/auth/login", {"username": name, "password": password}), "not_authenticated", 401
    )

    assert problem["detail"] == "The username or the password is wrong."


def test_an_unknown_name_takes_as_much_work_as_a_wrong_password(
    anybody: Api, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(hasher: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(hasher, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)

    anybody.post("/auth/login", {"username": "alice", "password": "wrong"})
    known = len(hashed)
    anybody.post("/auth/login", {"username": "nobody", "password": "wrong"})

    assert known == len(hashed) - known > 0


def test_an_inactive_user_can_neither_log_in_nor_use_a_token(anybody: Api, alice: Person) -> None:
    get_user_model().objects.filter(pk=alice.user.pk).update(is_active=False)

    assert_problem(anybody.post("/auth/login", {"username": "alice", "password": PASSWORD}), "not_authenticated", 401)
    assert_problem(alice.api.get("/me"), "not_authenticated", 401)


def test_logging_in_by_token_needs_no_csrf_token_even_in_a_signed_in_browser(anybody: Api, alice: Person) -> None:
    anybody.client.force_login(alice.user)

    assert anybody.post("/auth/login", {"username": "alice", "password": PASSWORD}).status_code == 200


def test_logging_out_revokes_this_token_and_no_other(anybody: Api, alice: Person) -> None:
    session = login(anybody)

    assert session.post("/auth/logout").status_code == 204
    assert_problem(session.get("/me"), "not_authenticated", 401)
    assert alice.api.get("/me").status_code == 200


def test_a_second_logout_at_the_same_time_succeeds_too(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    token, secret = token_issue(user=alice.user, name="twice")
    monkeypatch.setattr("wallets.api.authentication.token_find", lambda **_: token)
    ApiToken.objects.filter(pk=token.pk).delete()

    assert Api(token=secret).post("/auth/logout").status_code == 204


def test_a_token_expires(alice: Person, time_machine: TimeMachineFixture) -> None:
    session = login(Api())
    assert session.get("/me").status_code == 200

    expiry = ApiToken.objects.filter(user=alice.user).latest("created").expiry
    assert expiry is not None
    assert expiry > timezone.now()
    time_machine.move_to(expiry)
    assert_problem(session.get("/me"), "not_authenticated", 401)


def test_me_is_the_caller(alice: Person) -> None:
    body = json_of(alice.api.get("/me"))

    assert body["id"] == str(alice.user.pk)
    assert body["email"] == "alice@example.com"
