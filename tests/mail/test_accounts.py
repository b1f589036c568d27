"""Changes to accounts and the mails about them: committed together, whatever the mail server does."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.db import DatabaseError
from django.test import Client
from pytest_django import Settings

from notifications.content import content_open
from notifications.mailer import Mailer
from notifications.models import Mail
from tests.mail.server import SmtpServer
from tests.pages.kit import fill, reauthenticated, send, text_of
from tests.people import PASSWORD
from tests.settlement.waiting import wait_until
from wallets.models import User

NEW_PASSWORD = "a longer phrase than before"
TWICE = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}

Start = Callable[..., SmtpServer]
Ask = Callable[[Client], Any]


@pytest.fixture
def alices(alice: User, client: Client) -> Client:
    fill(client, "/accounts/login/", login="alice", password=PASSWORD)
    # The mail about a login in a new browser.
    mail.outbox.clear()
    return client


def change_password(client: Client) -> Any:
    return fill(client, "/accounts/password/change/", oldpassword=PASSWORD, **TWICE)


def ask_for_reset(client: Client) -> Any:
    return fill(Client(), "/accounts/password/reset/", email="alice@example.com")


def ask_for_reset_of_nobody(client: Client) -> Any:
    return fill(Client(), "/accounts/password/reset/", email="nobody@example.com")


def change_address(client: Client) -> Any:
    reauthenticated(client)
    return send(client, "/accounts/email/", {"email": "alice@new.example", "action_add": ""})


def sign_up(client: Client) -> Any:
    given = {"username": "dora", "email": "dora@example.com", "password1": PASSWORD}
    return send(Client(), "/accounts/signup/", given)


def turn_on_second_factor(client: Client) -> Any:
    path = "/accounts/2fa/totp/activate/"
    fill(client, client.get(path)["Location"], password=PASSWORD)
    secret = re.search(r'<code id="totp-secret">([A-Z2-7]+)</code>', text_of(client.get(path)))
    assert secret
    return send(client, path, {"code": str(format_hotp_value(hotp_value(secret[1], int(time.time()) // 30)))})


#: The forms that change something and send a mail about it, by the mail's subject.
CHANGES: dict[str, Ask] = {
    "Your password was changed": change_password,
    "Confirm your email": change_address,
    "Confirm your email, newcomer": sign_up,
    "An authenticator app was added to your account": turn_on_second_factor,
}
#: All forms that send a mail.
FORMS: dict[str, Ask] = CHANGES | {
    "Reset your Wallet password": ask_for_reset,
    "No account with this email": ask_for_reset_of_nobody,
}


BROKEN: list[dict[str, Any]] = [{"hangs_at": "connect"}, {"replies": {"RCPT": "550 no"}}, {"drops_at": "DATA"}]


def everything() -> list[object]:
    """What those forms change."""
    users = list(User.objects.order_by("id").values_list("username", "email", "password"))
    addresses = list(EmailAddress.objects.order_by("id").values_list("email", "verified"))
    return [users, addresses, list(Authenticator.objects.values_list("type")), Mail.objects.count()]


@pytest.mark.parametrize("subject", FORMS)
@pytest.mark.parametrize("how", BROKEN, ids=str)
@pytest.mark.django_db(transaction=True)
def test_a_form_that_sends_a_mail_succeeds_in_normal_time_whatever_the_mail_server_does(
    smtp_start: Start, alices: Client, monkeypatch: pytest.MonkeyPatch, subject: str, how: dict[str, Any]
) -> None:
    smtp = smtp_start(**how)
    monkeypatch.setattr("notifications.mailer.POLL_S", 0.02)
    mail.EmailMessage("Hello", "x", None, ["bob@example.com"]).send()
    mailer = Mailer()
    mailer.start()
    try:
        wait_until(lambda: smtp.connections > 0, what="the mailer is busy")
        started = time.monotonic()
        response = FORMS[subject](alices)
        took_s = time.monotonic() - started
    finally:
        mailer.stop()

    assert response.status_code == 302
    assert took_s < 5
    assert Mail.objects.filter(subject=subject.partition(",")[0]).count() == 1


@pytest.mark.parametrize("subject", CHANGES)
def test_a_form_changes_nothing_if_its_mail_cannot_be_queued(
    queued: Settings, alices: Client, monkeypatch: pytest.MonkeyPatch, subject: str
) -> None:
    def fails(*_: Any) -> None:
        raise DatabaseError("the process died here")

    monkeypatch.setattr("notifications.backends.mail_pack", fails)
    before = everything()

    with pytest.raises(DatabaseError):
        CHANGES[subject](alices)

    assert everything() == before


def test_a_reset_password_and_the_mail_about_it_are_committed_together(
    queued: Settings, alice: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for_reset(client)
    content = content_open(bytes(Mail.objects.get().content or b""))
    key = re.search(rb"http://testserver(/accounts/password/reset/key/\S+)", content)
    assert key
    form = client.get(key[1].decode())["Location"]

    def fails(*_: Any) -> None:
        raise DatabaseError("the process died here")

    with monkeypatch.context() as patch:
        patch.setattr("notifications.backends.mail_pack", fails)
        with pytest.raises(DatabaseError):
            fill(client, form, **TWICE)
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)

    assert fill(client, form, **TWICE).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    assert set(Mail.objects.values_list("subject", flat=True)) == {
        "Reset your Wallet password",
        "Your password was reset",
    }


def test_a_link_that_resets_a_password_is_not_sent_after_an_hour(queued: Settings, alice: User, client: Client) -> None:
    ask_for_reset(client)
    change = Mail.objects.get()

    assert (change.expires_at - change.created_at).total_seconds() == 3_600


FORGED: list[dict[str, str]] = [
    {"host": "evil.example"},
    {"host": "evil.example:8000"},
    {"host": "testserver", "x-forwarded-host": "evil.example"},
    {"host": "evil.example", "x-forwarded-proto": "https", "x-forwarded-port": "666"},
]


class ForgingClient(Client):
    """Names another host in every request."""

    forged: dict[str, str] = FORGED[0]

    def request(self, **request: Any) -> Any:
        named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.forged.items()}
        return super().request(**request | named)


@pytest.mark.parametrize("forged", FORGED, ids=str)
@pytest.mark.parametrize("ask", FORMS.values())
def test_no_mail_contains_a_host_that_a_request_names(
    alices: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, ask: Ask, forged: dict[str, str]
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.USE_X_FORWARDED_HOST = True
    settings.SITE_URL = "https://wallet.example"
    forging = ForgingClient()
    forging.cookies = alices.cookies
    monkeypatch.setattr(ForgingClient, "forged", forged)
    # Some of the forms are sent by strangers.
    monkeypatch.setattr("tests.mail.test_accounts.Client", ForgingClient)

    assert ask(forging).status_code == 302

    assert mail.outbox
    for message in mail.outbox:
        assert "evil" not in message.message().as_string()
        assert "666" not in message.body
        assert "wallet.example" in message.body
        for link in re.findall(r"\w+://\S+", str(message.body)):
            assert link.startswith("https://wallet.example/accounts/")
