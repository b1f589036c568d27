"""An audit sees one moment, however much money moves meanwhile, and leaves its connection as it was."""

import threading
import time

import pytest
from django.db import InternalError, connection

from tests.audit.books import books_write
from transactions.audit import _snapshot, books_audit
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


def test_it_is_right_while_money_moves(alice: User, bob: User, charlie: User) -> None:
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
    # Counted by two statements, at one moment.
    assert [audit.entry_count for audit in audits] == [2 * audit.transactions["posted"] for audit in audits]
    assert books_audit().clean


def test_no_time_limit_stops_it_and_the_limit_is_back_afterwards(db: None) -> None:
    before = _setting("statement_timeout")

    with _snapshot():
        during = _setting("statement_timeout")

    assert (during, _setting("statement_timeout")) == ("0", before)
    assert before != "0"


def test_it_cannot_write(db: None) -> None:
    with pytest.raises(InternalError, match="read-only transaction"), _snapshot(), connection.cursor() as cursor:
        cursor.execute("UPDATE wallets_wallet SET balance = 0")
