"""Accounts in the browser: signing up, logging in and out, and two-factor authentication."""

import re
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.db import IntegrityError
from django.test import Client

from tests.pages.kit import fill, reauthenticated, send, text_of
from tests.people import PASSWORD
from wallets.gateway import wallet_gateway
from wallets.models import ApiToken, User, Wallet
from wallets.tokens.services import token_issue

NEW_PASSWORD = "a longer phrase than before"


def sign_up(client: Client, **entered: str) -> Any:
    given = {"username": "dora", "email": "dora@example.com", "password1": PASSWORD} | entered
    return send(client, "/accounts/signup/", given)


def link_in_mail(message: Any) -> str:
    found = re.search(r"http://testserver(/\S+)", message.body)
    assert found
    return found[1]


def test_it_opens_an_account_with_a_dollar_wallet_and_logs_in(db: None, client: Client) -> None:
    response = sign_up(client)
    assert response["Location"] == "/"
    dora = User.objects.get(username="dora")
    assert [wallet.currency for wallet in Wallet.objects.filter(owner=dora)] == ["USD"]
    assert "Your wallet is ready" in text_of(client.get("/"))


def test_it_stores_usernames_and_emails_in_lower_case(db: None, client: Client) -> None:
    sign_up(client, username="Dora", email="Dora@Example.com")
    dora = User.objects.get()
    address = EmailAddress.objects.get(user=dora)
    assert (dora.username, address.email, address.verified) == ("dora", "dora@example.com", False)


@pytest.mark.parametrize(
    ("entered", "sentence"),
    [
        ({"username": "Alice"}, "This username is taken."),
        ({"username": "a1ice"}, "This username looks like another one."),
        ({"username": "do ra"}, "Use 1 to 64 letters"),
        ({"username": "dora@home"}, "Use 1 to 64 letters"),
        ({"password1": "password123"}, "known from a data breach"),
        ({"password1": "dora"}, "too short"),
        ({"email": "dora"}, "Enter a valid email address."),
        ({"username": ""}, "Enter a username."),
        ({"email": ""}, "Enter your email."),
        ({"password1": ""}, "Enter a password."),
    ],
)
def test_it_says_what_is_wrong_with_a_new_account(
    alice: User, client: Client, entered: dict[str, str], sentence: str
) -> None:
    response = sign_up(client, **entered)
    assert sentence in text_of(response)
    assert User.objects.count() == 1


def test_it_creates_no_account_if_the_wallet_cannot_be_opened(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_: Any) -> None:
        raise IntegrityError("somebody was faster")

    monkeypatch.setattr(wallet_gateway(), "wallet_open_first", fails)
    assert sign_up(client)["Location"] == "/accounts/signup/"
    assert not User.objects.exists()
    assert not EmailAddress.objects.exists()


@pytest.mark.parametrize("login", ["alice", "ALICE", "alice@example.com", "Alice@Example.com"])
def test_it_logs_in_by_username_or_email(alice: User, client: Client, login: str) -> None:
    assert fill(client, "/accounts/login/", login=login, password=PASSWORD)["Location"] == "/"


@pytest.mark.parametrize(("login", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("a@b.example", PASSWORD)])
def test_a_failed_login_does_not_say_what_is_wrong(alice: User, client: Client, login: str, password: str) -> None:
    page = text_of(fill(client, "/accounts/login/", login=login, password=password))
    assert "or the password is wrong." in page


def test_after_login_it_goes_on_to_the_requested_page(alice: User, client: Client) -> None:
    asked = client.get("/history/?direction=in")["Location"]
    assert fill(client, asked, login="alice", password=PASSWORD)["Location"] == "/history/?direction=in"


def test_after_login_it_does_not_go_on_to_another_site(alice: User, client: Client) -> None:
    asked = "/accounts/login/?next=https://evil.example/"
    assert fill(client, asked, login="alice", password=PASSWORD)["Location"] == "/"


def test_it_logs_out_only_by_post(alices: Client) -> None:
    assert "Log out?" in text_of(alices.get("/accounts/logout/"))
    assert alices.get("/settings/").status_code == 200
    alices.post("/accounts/logout/")
    assert alices.get("/settings/").status_code == 302


def test_it_resets_a_password_by_email_and_revokes_the_tokens(alice: User, client: Client) -> None:
    token_issue(user=alice, name="Till")
    fill(client, "/accounts/password/reset/", email="alice@example.com")
    asked = client.get(link_in_mail(mail.outbox[0]))
    response = fill(client, asked["Location"], password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    assert response.status_code == 302
    assert not ApiToken.objects.exists()
    assert fill(client, "/accounts/login/", login="alice", password=NEW_PASSWORD)["Location"] == "/"
    # The link works once.
    assert "no longer works" in text_of(Client().get(link_in_mail(mail.outbox[0]), follow=True))


@pytest.mark.parametrize(("age", "works"), [(timedelta(minutes=119), True), (timedelta(minutes=121), False)])
def test_a_link_that_resets_a_password_works_for_two_hours(
    alice: User, client: Client, monkeypatch: pytest.MonkeyPatch, age: timedelta, works: bool
) -> None:
    fill(client, "/accounts/password/reset/", email="alice@example.com")
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda _: datetime.now() + age)  # noqa: DTZ005 - as Django
    page = text_of(client.get(link_in_mail(mail.outbox[0]), follow=True))
    assert ("no longer works" not in page) == works


def test_it_does_not_tell_who_has_an_account(alice: User, client: Client) -> None:
    known = fill(client, "/accounts/password/reset/", email="alice@example.com")
    unknown = fill(client, "/accounts/password/reset/", email="nobody@example.com")
    assert known["Location"] == unknown["Location"]
    assert text_of(client.get(known["Location"])) != ""
    assert [message.to for message in mail.outbox] == [["alice@example.com"], ["nobody@example.com"]]


def test_it_changes_a_password_keeps_the_session_and_sends_an_email(alices: Client, alice: User) -> None:
    token_issue(user=alice, name="Till")
    given = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    fill(alices, "/accounts/password/change/", **given)
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    assert not ApiToken.objects.exists()
    assert alices.get("/settings/").status_code == 200
    assert mail.outbox[0].subject == "Your password was changed"


def change_address(client: Client, address: str) -> Any:
    reauthenticated(client)
    return send(client, "/accounts/email/", {"email": address, "action_add": ""})


def mail_to(address: str) -> Any:
    return next(message for message in mail.outbox if message.to == [address])


def test_it_changes_an_email_only_when_the_new_one_is_confirmed(alices: Client, alice: User) -> None:
    change_address(alices, "alice@mistyped.example")
    change_address(alices, "alice@new.example")
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    alices.post(link_in_mail(mail_to("alice@new.example")))
    alice.refresh_from_db()
    assert alice.email == "alice@new.example"
    assert [address.email for address in EmailAddress.objects.filter(user=alice)] == ["alice@new.example"]


def test_it_cancels_a_change_of_email(alices: Client, alice: User) -> None:
    change_address(alices, "alice@new.example")
    assert "alice@new.example" in text_of(alices.get("/accounts/email/"))
    send(alices, "/accounts/email/", {"email": "alice@new.example", "action_remove": ""})
    assert "Changing to" not in text_of(alices.get("/accounts/email/"))
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_it_does_not_remove_the_only_email(alices: Client, alice: User) -> None:
    reauthenticated(alices)
    send(alices, "/accounts/email/", {"email": "alice@example.com", "action_remove": ""})
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    assert "You cannot remove alice@example.com" in text_of(alices.get("/accounts/email/"))


def test_it_confirms_the_email_of_a_new_account(db: None, client: Client) -> None:
    sign_up(client)
    assert "Not confirmed" in text_of(client.get("/settings/"))
    client.post(link_in_mail(mail_to("dora@example.com")))
    assert "Not confirmed" not in text_of(client.get("/settings/"))
    assert User.objects.get(username="dora").email == "dora@example.com"


def code_for(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def test_it_asks_for_a_code_if_two_factor_authentication_is_on(alice: User, client: Client) -> None:
    secret = generate_totp_secret()
    TOTP.activate(alice, secret)
    response = fill(client, "/accounts/login/", login="alice", password=PASSWORD)
    assert response["Location"] == "/accounts/2fa/authenticate/"
    assert client.get("/settings/").status_code == 302
    assert "This code is wrong" in text_of(fill(client, response["Location"], code="000000"))
    assert fill(client, response["Location"], code=code_for(secret))["Location"] == "/"
    assert client.get("/settings/").status_code == 200


def test_it_turns_two_factor_authentication_on_and_shows_recovery_codes(alice: User, client: Client) -> None:
    fill(client, "/accounts/login/", login="alice", password=PASSWORD)
    # Before a sensitive change, the page asks for the password again.
    asked = client.get("/accounts/2fa/totp/activate/")["Location"]
    assert fill(client, asked, password=PASSWORD)["Location"] == "/accounts/2fa/totp/activate/"
    page = text_of(client.get("/accounts/2fa/totp/activate/"))
    found = re.search(r'<code id="totp-secret">([A-Z2-7]+)</code>', page)
    assert found
    assert "data:image/svg+xml" in page
    send(client, "/accounts/2fa/totp/activate/", {"code": code_for(found[1])})
    kinds = set(Authenticator.objects.filter(user=alice).values_list("type", flat=True))
    assert kinds == {Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES}
    codes = re.findall(r"<code>([0-9a-f]{8})</code>", text_of(client.get("/accounts/2fa/recovery-codes/")))
    assert len(codes) == 10
    assert text_of(client.get("/accounts/2fa/recovery-codes/download/")).split() == codes
    assert ">On</span>" in re.sub(r"\s+|<svg.*?</svg>", "", text_of(client.get("/settings/")))


@pytest.mark.parametrize("path", ["/accounts/inactive/", "/accounts/confirm-email/", "/accounts/confirm-email/none/"])
def test_it_styles_the_rarely_seen_pages(db: None, client: Client, path: str) -> None:
    page = text_of(client.get(path))
    assert "entrance-main" in page
    assert "<h1>" in page
