"""Real Celery workers, a real mail server, and what happens when one of them fails."""

import time
from collections.abc import Callable

import pytest
from django.core.mail import send_mail
from django.db import connection
from pytest_django import Settings

from notifications.mailer import Mailer
from notifications.models import Mail, MailState
from tests.mail.conftest import due_now
from tests.mail.server import SmtpServer
from tests.people import crowd_wallets
from tests.settlement.books import pending_count
from tests.settlement.broker import Broker
from tests.settlement.transfers import accept, transfer
from tests.settlement.waiting import wait_until
from tests.settlement.worker import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Start = Callable[..., SmtpServer]
StartWorker = Callable[..., Worker]


def write() -> Mail:
    send_mail("Hello", "How are you?", None, ["alice@example.com"])
    return Mail.objects.latest("id")


def backends() -> set[int]:
    """The process ids of all connections to the database but this thread's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return {pid for (pid,) in cursor.fetchall()}


def state_of(mail: Mail) -> str:
    mail.refresh_from_db()
    return mail.state


def test_a_worker_sends_mail(smtp: SmtpServer, worker_start: StartWorker) -> None:
    worker = worker_start(EMAIL_URL=smtp.url)
    mail = write()

    wait_until(lambda: state_of(mail) == MailState.SENT, what="the mail is sent")
    assert [received.recipients for received in smtp.received] == [["alice@example.com"]]
    wait_until(lambda: 'wallet_mails_total{outcome="sent"} 1.0' in worker.metrics(), what="the worker counts it")
    assert "alice@example.com" not in worker.log_text()


def test_transfers_settle_while_the_mail_server_hangs(smtp_start: Start, worker_start: StartWorker) -> None:
    smtp = smtp_start(hangs_at="DATA")
    mails = [write() for _ in range(5)]
    worker_start(EMAIL_URL=smtp.url, EMAIL_TIMEOUT_S="300")
    wait_until(lambda: smtp.connections == 1, what="the worker hangs")

    alice, bob, charlie = crowd_wallets(3, 1_000)
    accept([transfer(alice, charlie)] * 50 + [transfer(bob, charlie)] * 50)

    wait_until(lambda: pending_count() == 0, what="everything is settled", timeout_s=20)
    assert {state_of(mail) for mail in mails} == {MailState.QUEUED}
    assert smtp.connections == 1


def test_a_mail_of_a_killed_worker_is_sent_again_with_the_same_id(smtp_start: Start, worker_start: StartWorker) -> None:
    smtp = smtp_start(hangs_at=".")
    mail = write()
    worker = worker_start(EMAIL_URL=smtp.url, EMAIL_TIMEOUT_S="300")
    wait_until(lambda: len(smtp.received) == 1, what="the server has the mail, and has not said so")
    worker.kill()
    worker.wait_until_gone()
    assert state_of(mail) == MailState.QUEUED
    smtp.hangs_at = ""

    worker_start(EMAIL_URL=smtp.url)
    time.sleep(3)
    assert len(smtp.received) == 1, "The lease of the killed worker has not ended yet."
    due_now()

    wait_until(lambda: state_of(mail) == MailState.SENT, what="the next worker sends it")
    first, second = smtp.received
    assert first.message["Message-ID"] == second.message["Message-ID"]


def test_mail_is_sent_while_redis_does_not_answer(smtp: SmtpServer, worker_start: StartWorker, broker: Broker) -> None:
    worker_start(EMAIL_URL=smtp.url)
    first = write()
    wait_until(lambda: state_of(first) == MailState.SENT, what="the worker sends mail")
    broker.freeze()

    second = write()

    wait_until(lambda: state_of(second) == MailState.SENT, what="it still does")


def test_a_worker_stops_soon_while_the_mail_server_hangs(smtp_start: Start, worker_start: StartWorker) -> None:
    smtp = smtp_start(hangs_at="RCPT")
    mail = write()
    worker = worker_start(EMAIL_URL=smtp.url, EMAIL_TIMEOUT_S="300")
    wait_until(lambda: smtp.connections == 1, what="the worker hangs")
    started = time.monotonic()

    worker.stop()

    assert time.monotonic() - started < 20
    assert state_of(mail) == MailState.QUEUED


def test_the_mailer_recovers_when_the_mail_server_and_the_database_do(
    smtp_start: Start, queued: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp = smtp_start(drops_at="connect")
    monkeypatch.setattr("notifications.mailer.POLL_S", 0.05)
    mail = write()
    others = backends()
    mailer = Mailer()
    mailer.start()
    try:
        wait_until(lambda: smtp.connections > 0, what="the first attempt fails")
        with connection.cursor() as cursor:
            # As if Postgres had been restarted. Connections that threads of other tests keep stay open.
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [list(backends() - others)]
            )
        smtp.drops_at = ""
        due_now()
        wait_until(lambda: state_of(mail) == MailState.SENT, what="the mail is sent after all")
    finally:
        mailer.stop()
