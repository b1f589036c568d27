"""An audit reads one snapshot while money moves, and leaves its connection as it was."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import InternalError, connection

from tests.audit.books import books_write
from transactions.audit import books_audit
from transactions.recipients import TransferRequest
from transactions.services import transfer_create
from wallets.models import User, Wallet

pytestmark = pytest.mark.django_db(transaction=True)

AUDITS = 15


def _setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


def _send_until(stop: threading.Event, sender: User, recipient: str) -> None:
    source = Wallet.objects.get(owner=sender)
    try:
        while not stop.is_set():
            transfer_create(actor=sender, request=TransferRequest(source_id=source.id, recipient=recipient, amount=1))
    finally:
        connection.close()


def test_it_finds_no_fault_while_money_moves(alice: User, bob: User, charlie: User) -> None:
    books_write(alice=alice, bob=bob, charlie=charlie)
    stop = threading.Event()
    senders = [
        threading.Thread(target=_send_until, args=(stop, alice, "bob")),
        threading.Thread(target=_send_until, args=(stop, bob, "alice")),
    ]
    for sender in senders:
        sender.start()
    try:
        audits = [books_audit()]
        deadline_s = time.monotonic() + 30
        while len(audits) < AUDITS or audits[-1].entry_count < audits[0].entry_count + AUDITS:
            assert time.monotonic() < deadline_s
            audits.append(books_audit())
    finally:
        stop.set()
        for sender in senders:
            sender.join(timeout=20)

    assert all(audit.clean for audit in audits)
    # Two statements count these; they fit together because both read the same snapshot.
    assert [audit.entry_count for audit in audits] == [2 * audit.transactions["posted"] for audit in audits]
    assert books_audit().clean


def test_no_time_limit_stops_it_and_the_limit_is_back_afterwards(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '200ms'")
    try:
        with connection.execute_wrapper(_before_the_jobs_are_read("SELECT pg_sleep(0.4)")):
            assert books_audit().clean
        assert _setting("statement_timeout") == "200ms"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")


def test_it_cannot_write(db: None) -> None:
    write = _before_the_jobs_are_read("UPDATE wallets_wallet SET balance = 0")
    with pytest.raises(InternalError, match="read-only transaction"), connection.execute_wrapper(write):
        books_audit()


def _before_the_jobs_are_read(extra: str) -> Callable[..., Any]:
    """Runs this SQL in the middle of an audit, in its database transaction."""

    def run(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if "FULL JOIN jobs" in sql:
            execute(extra, None, False, context)
        return execute(sql, params, many, context)

    return run
