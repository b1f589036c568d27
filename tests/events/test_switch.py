"""Events are switched on and off for all processes at once. While they are off, none are written."""

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from tests.database import acting_as_owner
from tests.events.outboxes import outbox, outbox_empty
from tests.events.switching import events_switch_off, events_switch_on
from tests.people import funded
from tests.settlement.locks import outside_connection, wallet_held
from tests.settlement.threads import in_a_thread
from tests.settlement.transfers import accept, drain, transfer
from tests.settlement.waiting import wait_until
from transactions.events import switch
from transactions.events.switch import settled_events_are_on
from transactions.ledger.post import post
from transactions.models import SettledEvent
from wallet_project.health import INTERNAL_PROBES


@pytest.fixture(autouse=True)
def _off_afterwards(transactional_db: None) -> Iterator[None]:
    yield
    events_switch_off()


def test_events_are_off_by_default_and_none_are_written() -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accept([transfer(alice, bob, 1), transfer(alice, bob, 1_000)])
    drain(alice)

    assert not settled_events_are_on()
    assert outbox() == []


def test_switching_twice_is_the_same_as_once() -> None:
    assert events_switch_on()
    assert not events_switch_on()
    assert settled_events_are_on()
    assert events_switch_off()
    assert not events_switch_off()
    assert not settled_events_are_on()


def test_switching_off_keeps_the_events_that_wait() -> None:
    events_switch_on()
    alice = funded("alice", 100)
    told = outbox()

    events_switch_off()
    assert post([transfer(alice, funded("bob")).command])[0].transaction

    assert outbox() == told != []


def test_a_posting_is_either_before_the_switch_or_after_it() -> None:
    """The switch waits for a posting that has not committed yet. Later postings have their events."""
    alice, bob = funded("alice", 100), funded("bob")
    switched = threading.Event()

    def switch_on() -> None:
        events_switch_on()
        switched.set()
        connection.close()

    switching = threading.Thread(target=switch_on)
    with transaction.atomic():
        post([transfer(alice, bob).command])
        switching.start()
        wait_until(_waits_for_a_table, what="the switch waits for the posting")
        assert not switched.is_set()
    switching.join(60)

    assert switched.is_set()
    assert outbox() == []
    late = post([transfer(alice, bob).command])[0].transaction
    assert late is not None
    assert outbox() == [(late.id, alice.id), (late.id, bob.id)]


def test_a_posting_that_waits_for_a_wallet_during_the_switch_has_its_events() -> None:
    """It begins before the switch and writes after it."""
    alice, bob = funded("alice", 100), funded("bob")

    def post_one() -> None:
        post([transfer(alice, bob).command])
        connection.close()

    posting = threading.Thread(target=post_one)
    with wallet_held(alice):
        posting.start()
        wait_until(_waits_for_a_row, what="the posting waits for the wallet")
        in_a_thread(events_switch_on)
    posting.join(60)

    assert [wallet_id for _, wallet_id in outbox()] == [alice.id, bob.id]


def test_it_gives_up_if_a_transaction_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "ATTEMPTS_MAX", 1)
    with outside_connection() as stranger:
        stranger.execute("LOCK TABLE transactions_entry IN ROW EXCLUSIVE MODE")
        with pytest.raises(CommandError, match="busy"):
            call_command("settled_events", "on")
        stranger.rollback()
    assert not settled_events_are_on()


def test_events_with_a_missing_trigger_are_off_and_can_be_switched_on() -> None:
    events_switch_on()
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER settled_event_of_outcome ON transactions_transaction")

    assert not settled_events_are_on()
    assert events_switch_on()
    assert settled_events_are_on()


def test_events_with_a_missing_trigger_can_be_switched_off() -> None:
    events_switch_on()
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER settled_event_of_outcome ON transactions_transaction")

    assert events_switch_off()

    funded("alice", 100)
    assert outbox() == []


@pytest.mark.parametrize("switch_over", [events_switch_on, events_switch_off], ids=["on", "off"])
def test_the_switch_does_not_wait_for_a_transaction_that_has_read_the_books(
    switch_over: Callable[[], bool],
) -> None:
    """If the switch waited for a transaction that only reads, and then writes, each would wait for the other."""
    if switch_over is events_switch_off:
        events_switch_on()
    with outside_connection() as stranger, stranger.transaction():
        stranger.execute("SELECT 1 FROM transactions_transaction, transactions_entry")

        assert switch_over()


def test_the_command_switches_and_shows_the_status() -> None:
    assert _command("status").splitlines() == ["off", "at most 0 waiting"]
    assert _command("on") == "Events are on now.\n"
    assert _command("on") == "Events were on already.\n"
    funded("alice", 100)
    status = json.loads(_command("status", "--json"))
    assert (status["on"], status["waiting"]) == (True, 1)
    assert 0 <= status["oldest_s"] < 60
    assert _command("status").startswith("on\nat most 1 waiting, the oldest for")
    assert _command("off") == "Events are off now.\n"
    assert _command("off") == "Events were off already.\n"
    assert SettledEvent.objects.count() == 1


def test_the_metrics_count_waiting_events_without_a_relay() -> None:
    events_switch_on()
    funded("alice", 100)
    assert _metric("wallet_settled_events_waiting") == 1
    assert 0 <= _metric("wallet_settled_events_oldest_seconds") < 60

    outbox_empty()
    assert _metric("wallet_settled_events_waiting") == 0
    assert _metric("wallet_settled_events_oldest_seconds") == 0


def test_the_metrics_are_nan_if_the_outbox_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    """This happens in a process whose database role has no rights on the books."""
    with _renamed("transactions_settledevent", "hidden"):
        assert math.isnan(_metric("wallet_settled_events_waiting"))
    assert caplog.records == [], "this is not worth a log message"


@contextmanager
def _renamed(table: str, name: str) -> Iterator[None]:
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")
    try:
        yield
    finally:
        with acting_as_owner(), connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {name} RENAME TO {table}")


def _metric(name: str) -> float:
    lines = INTERNAL_PROBES["/metrics"]().body.decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


def _command(*arguments: str) -> str:
    out = StringIO()
    call_command("settled_events", *arguments, stdout=out)
    return out.getvalue()


def _waits_for_a_table() -> bool:
    return _waiting("relation")


def _waits_for_a_row() -> bool:
    return _waiting("transactionid") or _waiting("tuple")


def _waiting(lock_type: str) -> bool:
    with outside_connection() as observer:
        row = observer.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = %s", [lock_type])
        return row.fetchone() != (0,)
