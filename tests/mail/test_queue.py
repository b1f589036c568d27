"""What the site queues is what the mail server gets, once, and only if the change was committed."""

import sys
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives, send_mail
from django.db import IntegrityError, transaction
from django.test import override_settings
from django.utils import timezone
from pytest_django import Settings

from notifications.content import content_open
from notifications.delivery import mails_send
from notifications.models import Mail, MailState
from notifications.services import KEPT_FOR, mails_delete_old
from tests.mail.server import SmtpServer

pytestmark = pytest.mark.django_db


def write(subject: str = "Hello", to: str = "alice@example.com", body: str = "How are you?") -> None:
    assert send_mail(subject, body, None, [to]) == 1


def test_sending_a_mail_only_queues_it(smtp: SmtpServer) -> None:
    write()

    (row,) = Mail.objects.all()
    assert (row.state, row.recipients, row.subject, row.attempts) == ("queued", ["alice@example.com"], "Hello", 0)
    assert smtp.connections == 0


def test_a_queued_mail_is_sent_once_and_its_content_deleted(smtp: SmtpServer) -> None:
    write()

    assert mails_send()
    assert mails_send()

    (received,) = smtp.received
    assert received.recipients == ["alice@example.com"]
    assert received.message["Subject"] == "Hello"
    assert received.message.get_content().strip() == "How are you?"
    (row,) = Mail.objects.all()
    assert (row.state, row.content, row.last_error) == ("sent", None, "")
    assert row.finished_at is not None


def test_nobody_reads_a_queued_mail_in_the_database(smtp: SmtpServer) -> None:
    write(body="http://testserver/accounts/password/reset/key/1-secret/")

    (row,) = Mail.objects.all()
    assert b"secret" not in bytes(row.content or b"")
    assert b"1-secret" in content_open(bytes(row.content or b""))


def test_a_mail_of_an_earlier_key_is_sent(smtp: SmtpServer, settings: Settings) -> None:
    write()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "k" * 50, [settings.SECRET_KEY]

    assert mails_send()

    assert Mail.objects.get().state == MailState.SENT


def test_a_mail_of_an_unknown_key_is_undeliverable_and_holds_nothing_up(smtp: SmtpServer, settings: Settings) -> None:
    write()
    with override_settings(SECRET_KEY="k" * 50):
        write(subject="Of another key")

    assert mails_send()

    assert [received.message["Subject"] for received in smtp.received] == ["Hello"]
    lost = Mail.objects.get(subject="Of another key")
    assert (lost.state, lost.last_error) == (MailState.UNDELIVERABLE, "It was encrypted with another SECRET_KEY.")


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_sends_no_mail(smtp: SmtpServer) -> None:
    def change_fails() -> None:
        with transaction.atomic():
            write()
            raise IntegrityError

    with pytest.raises(IntegrityError):
        change_fails()

    assert not Mail.objects.exists()


@pytest.mark.parametrize("break_", ["\n", "\r", "\r\n", "\r\n\r\n"])
@pytest.mark.parametrize("field", ["subject", "from_email", "to", "reply_to", "header"])
def test_a_header_with_a_line_break_is_refused(smtp: SmtpServer, field: str, break_: str) -> None:
    hostile = f"a@example.com{break_}Bcc: victim@example.com"
    given: dict[str, Any] = {"subject": "Hello", "body": "x", "to": ["alice@example.com"]}
    if field == "header":
        given["headers"] = {"X-Note": hostile}
    else:
        given[field] = [hostile] if field in {"to", "reply_to"} else hostile

    with pytest.raises(ValueError, match=r"newlines|Invalid address"):
        EmailMessage(**given).send()

    assert not Mail.objects.exists()


def every_kind_of_message() -> list[EmailMessage]:
    long_lines = EmailMessage("Long", "word " * 400 + "\n.\n..two dots\nFrom here", None, ["alice@example.com"])
    both = EmailMultiAlternatives("Two", "plain", "Wällét <no-reply@example.com>", ["alice@example.com"])
    both.attach_alternative("<p>größe</p>", "text/html")
    files = EmailMessage("Files", "see below", None, ["alice@example.com"], headers={"X-Note": "größe " * 30})
    files.attach("bytes.bin", bytes(range(256)), "application/octet-stream")
    files.attach("größe.txt", "größe", "text/plain")
    return [
        EmailMessage("Größe \N{PARTY POPPER} " * 12, "größe \N{PARTY POPPER}", None, ["Zoë <zoë@bücher.example>"]),
        EmailMessage("", "", None, ["alice@example.com"]),
        long_lines,
        both,
        files,
    ]


@pytest.mark.parametrize("number", range(5))
def test_every_message_arrives_as_it_was_queued(smtp: SmtpServer, settings: Settings, number: int) -> None:
    message = every_kind_of_message()[number]
    # What Django itself would have sent, with the same time and id.
    sent: Any = message.message()
    message.extra_headers |= {name: sent[name] for name in ("Message-ID", "Date")}
    whole: Any = message.message()
    direct: bytes = whole.as_bytes(linesep="\r\n")
    boundary = direct.partition(b'boundary="')[2].partition(b'"')[0]

    message.send()
    assert mails_send()

    (received,) = smtp.received
    arrived = received.content
    ours = arrived.partition(b'boundary="')[2].partition(b'"')[0]
    if boundary:
        assert ours
        arrived = arrived.replace(ours, boundary)
    assert arrived.rstrip() == direct.rstrip()


def test_unicode_addresses_are_sent_in_the_form_that_mail_servers_know(smtp: SmtpServer) -> None:
    EmailMessage("Hello", "x", "Zoë <zoe@bücher.example>", ["Bob <bob@münchen.example>"]).send()

    assert mails_send()

    (received,) = smtp.received
    assert (received.sender, received.recipients) == ("zoe@xn--bcher-kva.example", ["bob@xn--mnchen-3ya.example"])


def test_a_blind_copy_is_known_to_the_envelope_only(smtp: SmtpServer) -> None:
    EmailMessage("Hello", "x", None, ["alice@example.com"], bcc=["bob@example.com"]).send()

    assert mails_send()

    (received,) = smtp.received
    assert received.recipients == ["alice@example.com", "bob@example.com"]
    assert b"bob@" not in received.content


def test_a_message_to_nobody_is_not_queued(queued: Settings) -> None:
    assert EmailMessage("Hello", "x", None, []).send() == 0
    with mail.get_connection() as backend:
        assert backend.send_messages([EmailMessage("Hello", "x", None, [])]) == 0
    assert not Mail.objects.exists()


def test_a_thousand_mails_are_each_sent_once_over_one_connection(smtp: SmtpServer) -> None:
    backend = mail.get_connection()
    messages = [EmailMessage(f"Number {number}", "x", None, ["alice@example.com"]) for number in range(1_000)]
    assert backend.send_messages(messages) == 1_000

    assert mails_send()

    assert [received.message["Subject"] for received in smtp.received] == [f"Number {n}" for n in range(1_000)]
    assert len({received.message["Message-ID"] for received in smtp.received}) == 1_000
    assert smtp.connections == 1
    assert Mail.objects.filter(state=MailState.SENT).count() == 1_000


def test_a_mail_can_say_how_long_it_is_worth_sending(queued: Settings) -> None:
    write()
    short: Any = EmailMessage("Soon", "x", None, ["alice@example.com"])
    short.valid_for = timedelta(minutes=5)
    short.send()

    days, minutes = Mail.objects.order_by("id")
    assert days.expires_at - days.created_at == timedelta(seconds=queued.MAIL_VALID_S)
    assert minutes.expires_at - minutes.created_at == timedelta(minutes=5)


def test_old_mails_are_deleted_and_queued_ones_kept(smtp: SmtpServer) -> None:
    write("Old")
    write("New")
    assert mails_send()
    write("Queued")
    long_ago = timezone.now() - KEPT_FOR - timedelta(minutes=1)
    Mail.objects.exclude(subject="New").update(created_at=long_ago)
    Mail.objects.filter(subject="Old").update(finished_at=long_ago)

    assert mails_delete_old() == 1

    assert set(Mail.objects.values_list("subject", flat=True)) == {"New", "Queued"}


@pytest.mark.parametrize(
    "broken",
    [
        {"state": "lost"},
        {"content": None},
        {"state": "sent"},
        {"state": "sent", "content": None},
        {"state": "undeliverable"},
        {"finished_at": "2026-01-01T00:00:00Z"},
    ],
)
def test_the_database_refuses_a_mail_in_no_state(queued: Settings, broken: dict[str, Any]) -> None:
    write()

    with pytest.raises(IntegrityError), transaction.atomic():
        Mail.objects.update(**broken)


def test_the_transport_of_development_prints_mails(
    queued: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queued.MAIL_TRANSPORT = "notifications.console.EmailBackend"
    monkeypatch.setattr(sys, "__stdout__", sys.stdout)
    write(body="Größe: http://127.0.0.1:8000/accounts/confirm-email/key/")

    assert mails_send()

    assert "Größe: http://127.0.0.1:8000/accounts/confirm-email/key/" in capsys.readouterr().out
    assert Mail.objects.get().state == MailState.SENT
