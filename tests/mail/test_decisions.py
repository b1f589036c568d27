"""What time, staff and other processes decide about a mail, and what an attempt leaves behind."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from notifications import delivery
from notifications.delivery import mail_lease, mails_send, retry_delay
from notifications.models import Mail, MailState
from notifications.services import mail_give_up, mail_send_again, mails_expire
from tests.mail.conftest import due_now
from tests.mail.mails import assert_arrives, assert_waits, write
from tests.mail.server import SmtpServer

pytestmark = pytest.mark.django_db

Start = Callable[..., SmtpServer]


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
