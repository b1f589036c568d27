"""The mail server hangs, refuses, hangs up or is gone: no mail is lost, and no attempt lasts long."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage
from pytest_django import Settings

from notifications.delivery import mails_send
from notifications.models import Mail, MailState
from tests.mail.conftest import TIMEOUT_S
from tests.mail.mails import assert_arrives, assert_waits, write
from tests.mail.server import STEPS, SmtpServer, unreachable
from tests.rpc.certificates import certificate

pytestmark = pytest.mark.django_db

Start = Callable[..., SmtpServer]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("how", ["hangs_at", "drips_at", "drops_at"])
def test_a_server_that_does_not_answer_is_left_soon_and_tried_again(smtp_start: Start, step: str, how: str) -> None:
    broken = smtp_start(**{how: step})
    mail, other = write(), write()
    started = time.monotonic()

    assert not mails_send()

    assert time.monotonic() - started < 4 * TIMEOUT_S + 1
    assert broken.connections == 1
    assert_waits(mail)
    other.refresh_from_db()
    assert other.attempts == 0
    assert_arrives(mail, smtp_start())


def test_a_server_that_is_down_is_tried_again(smtp_start: Start, queued: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        queued.EMAIL_PORT = gone.getsockname()[1]
    mail = write()

    assert not mails_send()

    assert_waits(mail)
    assert_arrives(mail, smtp_start())


def test_a_server_that_cannot_be_reached_is_tried_again(smtp_start: Start, queued: Settings) -> None:
    mail = write()
    started = time.monotonic()
    with unreachable() as port:
        queued.EMAIL_PORT = port
        assert not mails_send()

    assert TIMEOUT_S / 2 < time.monotonic() - started < TIMEOUT_S + 2
    assert_waits(mail)
    assert_arrives(mail, smtp_start())


@pytest.mark.parametrize(
    "replies",
    [
        {"connect": "554 No service here"},
        {"connect": "421 Too many connections"},
        {"EHLO": "421 Going down"},
        {"MAIL": "530 Authentication required"},
        {"MAIL": "451 Try later"},
        {"RCPT": "421 Too many mails over this connection"},
        {"DATA": "421 Going down"},
        {".": "421 Going down"},
    ],
    ids=str,
)
def test_a_server_that_serves_nobody_is_tried_again_later_for_all_mails(
    smtp_start: Start, replies: dict[str, str]
) -> None:
    smtp_start(replies=replies)
    mail, other = write(), write()

    assert not mails_send()

    assert_waits(mail)
    other.refresh_from_db()
    assert other.attempts == 0
    assert_arrives(mail, smtp_start())


@pytest.mark.parametrize("reply", ["550 5.1.1 No such user", "553 Bad mailbox", "552 Mailbox full"])
def test_a_refused_recipient_is_undeliverable_at_once_and_others_get_their_mail(smtp_start: Start, reply: str) -> None:
    smtp = smtp_start(refused={"nobody@example.com": reply})
    refused, other = write("nobody@example.com"), write("bob@example.com")

    assert mails_send()

    refused.refresh_from_db()
    assert (refused.state, refused.last_error) == (MailState.UNDELIVERABLE, reply)
    assert refused.finished_at is not None
    other.refresh_from_db()
    assert other.state == MailState.SENT
    assert [received.recipients for received in smtp.received] == [["bob@example.com"]]


@pytest.mark.parametrize("step", ["DATA", "."])
def test_refused_content_is_undeliverable_at_once(smtp_start: Start, step: str) -> None:
    smtp_start(replies={step: "554 This looks like spam"})
    mails = [write(), write()]

    assert mails_send()

    for mail in mails:
        mail.refresh_from_db()
        assert (mail.state, mail.last_error) == (MailState.UNDELIVERABLE, "554 This looks like spam")


def test_a_recipient_refused_for_now_is_tried_again_and_others_get_their_mail(smtp_start: Start) -> None:
    smtp = smtp_start(refused={"alice@example.com": "451 Greylisted, try again"})
    delayed, other = write(), write("bob@example.com")

    assert mails_send()

    assert_waits(delayed)
    other.refresh_from_db()
    assert other.state == MailState.SENT
    smtp.refused.clear()
    assert_arrives(delayed, smtp)


@pytest.fixture
def certificate_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A certificate, and its key, of an authority that this process trusts."""
    files = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
    return files


@pytest.mark.parametrize("is_starttls", [True, False])
def test_mail_is_sent_through_tls(
    smtp_start: Start, queued: Settings, certificate_files: tuple[Path, Path], is_starttls: bool
) -> None:
    queued.EMAIL_USE_TLS, queued.EMAIL_USE_SSL = is_starttls, not is_starttls
    smtp_start(tls=certificate_files, is_starttls=is_starttls, drips_at=".")
    mail = write()
    assert not mails_send()
    assert_waits(mail)

    assert_arrives(mail, smtp_start(tls=certificate_files, is_starttls=is_starttls))


@pytest.mark.parametrize("is_starttls", [True, False])
def test_a_server_with_another_certificate_gets_no_mail(
    smtp_start: Start,
    queued: Settings,
    certificate_files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    is_starttls: bool,
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    queued.EMAIL_USE_TLS, queued.EMAIL_USE_SSL = is_starttls, not is_starttls
    smtp = smtp_start(tls=certificate_files, is_starttls=is_starttls)
    mail = write()

    assert not mails_send()

    assert smtp.received == []
    assert_waits(mail)
    assert "CERTIFICATE_VERIFY_FAILED" in mail.last_error


def test_a_mail_with_several_recipients_is_sent_to_those_that_the_server_accepts(smtp_start: Start) -> None:
    smtp = smtp_start(refused={"nobody@example.com": "550 No such user"})
    EmailMessage("Hello", "x", None, ["nobody@example.com", "bob@example.com"]).send()

    assert mails_send()

    assert [received.recipients for received in smtp.received] == [["bob@example.com"]]
    assert Mail.objects.get().state == MailState.SENT


@pytest.mark.parametrize("address", ["@example.com", "alice@", "alice@example.com, bob@example.com"])
def test_a_mail_to_no_address_is_undeliverable_without_a_server(smtp: SmtpServer, address: str) -> None:
    mail = write(address)

    assert mails_send()

    mail.refresh_from_db()
    assert mail.state == MailState.UNDELIVERABLE
    assert mail.last_error
    assert smtp.connections == 0


def test_a_broken_transport_delays_mail_and_loses_none(smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> None:
        raise KeyError("a mistake in the transport")

    mail = write()
    with monkeypatch.context() as patch:
        patch.setattr("notifications.smtp.EmailBackend.send_messages", breaks)
        assert not mails_send()

    assert_waits(mail)
    assert_arrives(mail, smtp)
