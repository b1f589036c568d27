"""The mail server hangs, refuses, hangs up or is gone: no mail is lost, and no attempt lasts long."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMessage, send_mail
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from notifications import delivery
from notifications.delivery import mail_lease, mails_send, retry_delay
from notifications.models import Mail, MailState
from notifications.services import mail_give_up, mail_send_again, mails_expire
from tests.mail.conftest import TIMEOUT_S, due_now
from tests.mail.server import STEPS, SmtpServer, unreachable
from tests.rpc.certificates import certificate

pytestmark = pytest.mark.django_db

Start = Callable[..., SmtpServer]


def write(to: str = "alice@example.com", subject: str = "Hello") -> Mail:
    send_mail(subject, "How are you?", None, [to])
    return Mail.objects.latest("id")


def assert_waits(mail: Mail, *, attempts: int = 1) -> None:
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == (MailState.QUEUED, attempts)
    assert mail.not_before > timezone.now()
    assert mail.content
    assert mail.last_error


def assert_arrives(mail: Mail, smtp: SmtpServer) -> None:
    due_now()
    assert mails_send()
    mail.refresh_from_db()
    assert mail.state == MailState.SENT
    assert smtp.received[-1].message["Subject"] == mail.subject


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


def test_the_pauses_between_attempts_grow_and_end() -> None:
    pauses = [retry_delay(attempts).total_seconds() for attempts in (1, 2, 3, 8, 1_000)]

    for pause, ceiling in zip(pauses, (5, 10, 20, 600, 600), strict=True):
        assert ceiling / 2 <= pause <= ceiling


def test_each_attempt_is_counted(smtp_start: Start) -> None:
    smtp_start(replies={"RCPT": "451 later"})
    mail = write()
    for attempts in (1, 2, 3):
        assert mails_send()
        assert_waits(mail, attempts=attempts)
        # Its pause is not over.
        assert mails_send()
        assert_waits(mail, attempts=attempts)
        due_now()


def test_a_mail_that_could_not_be_sent_in_time_is_given_up_and_its_content_deleted(smtp_start: Start) -> None:
    smtp = smtp_start(replies={"RCPT": "451 Greylisted"})
    tried, untried = write(), write()
    Mail.objects.filter(pk=untried.pk).update(not_before=timezone.now() + timedelta(days=9))
    assert mails_send()
    with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1)):
        smtp.replies.clear()
        # Neither is sent, whether it is given up first or not.
        assert mails_send()
        assert mails_expire() == 2
        assert mails_send()

    assert smtp.received == []
    tried.refresh_from_db()
    untried.refresh_from_db()
    assert (tried.state, tried.last_error, tried.content) == (MailState.UNDELIVERABLE, "451 Greylisted", None)
    assert (untried.state, untried.content) == (MailState.UNDELIVERABLE, None)
    assert untried.last_error == "It was not sent in time."


def test_the_content_of_a_refused_mail_is_deleted_when_it_expires(smtp_start: Start) -> None:
    smtp_start(replies={"RCPT": "550 No such user"})
    mail = write()
    assert mails_send()
    assert mails_expire() == 0
    mail.refresh_from_db()
    assert mail.content

    with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1)):
        assert mails_expire() == 0
        assert not mail_send_again(mail_id=mail.pk)

    mail.refresh_from_db()
    assert mail.last_error == "550 No such user"
    assert Mail.objects.filter(content__isnull=True).exists()


def test_staff_send_a_refused_mail_again(smtp_start: Start) -> None:
    smtp = smtp_start(replies={"RCPT": "550 Relaying denied"})
    mail = write()
    assert not mail_send_again(mail_id=mail.pk)
    assert mails_send()

    smtp.replies.clear()
    assert mail_send_again(mail_id=mail.pk)
    assert_arrives(mail, smtp)
    assert not mail_send_again(mail_id=mail.pk)
    assert len(smtp.received) == 1


def test_staff_give_a_mail_up(smtp: SmtpServer) -> None:
    mail = write()

    assert mail_give_up(mail_id=mail.pk)
    assert not mail_give_up(mail_id=mail.pk)

    assert mails_send()
    assert smtp.received == []
    mail.refresh_from_db()
    assert (mail.state, mail.content, mail.last_error) == (MailState.UNDELIVERABLE, None, "Given up by staff.")


def test_a_link_that_the_server_quotes_in_its_refusal_is_not_kept(smtp_start: Start) -> None:
    smtp_start(replies={".": "554 Blocked link https://wallet.example/accounts/password/reset/key/1-secret/ \x07\x1b"})
    mail = write()

    assert mails_send()

    mail.refresh_from_db()
    assert mail.last_error.startswith("554 Blocked link [link]")
    assert "secret" not in mail.last_error
    assert mail.last_error.isprintable()


def test_an_attempt_that_outlasted_its_lease_changes_nothing_for_the_next(
    smtp_start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp_start(replies={"RCPT": "550 No such user"})
    mail = write()
    attempt = delivery._attempt

    def is_leased_by_another(*given: Any) -> Any:
        failure = attempt(*given)
        due_now()
        assert mail_lease() == mail
        return failure

    monkeypatch.setattr(delivery, "_attempt", is_leased_by_another)
    assert mails_send()

    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.last_error) == (MailState.QUEUED, 2, "")


def test_a_mail_that_was_sent_counts_as_sent_even_if_staff_gave_it_up_meanwhile(
    smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = write()
    attempt = delivery._attempt

    def is_given_up(*given: Any) -> Any:
        assert mail_give_up(mail_id=mail.pk)
        return attempt(*given)

    monkeypatch.setattr(delivery, "_attempt", is_given_up)
    assert mails_send()

    mail.refresh_from_db()
    assert (mail.state, mail.last_error) == (MailState.SENT, "")


@pytest.mark.django_db(transaction=True)
def test_several_processes_send_each_mail_once(smtp: SmtpServer) -> None:
    for number in range(60):
        write(subject=str(number))

    def send() -> None:
        try:
            mails_send()
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(int(received.message["Subject"]) for received in smtp.received) == list(range(60))
    assert smtp.connections > 1


@pytest.mark.django_db(transaction=True)
def test_no_database_transaction_is_open_while_the_server_hangs(smtp_start: Start) -> None:
    smtp = smtp_start(hangs_at=".")
    write()
    open_: list[tuple[str, ...]] = []

    def look() -> None:
        while not smtp.received:
            time.sleep(0.01)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT state FROM pg_stat_activity WHERE datname = current_database() "
                "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            open_.extend(cursor.fetchall())
        connection.close()

    observer = threading.Thread(target=look)
    observer.start()
    assert not mails_send()
    observer.join()

    assert open_
    assert all(state == "idle" for (state,) in open_), open_
