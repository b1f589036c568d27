"""Faults that no job causes: a locked wallet, a database in trouble, a broken connection."""

import time
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from pytest_django import Settings

from tests.people import crowd_wallets, funded
from tests.settlement.books import assert_books_clean, assert_in_order, assert_settled
from tests.settlement.faults import database_raise, hold_end, settle_all
from tests.settlement.locks import wallet_held
from tests.settlement.transfers import DRAIN_LIMIT_S, accept, drain, transfer
from transactions.ledger.posting import Posting
from transactions.models import Job
from transactions.settlement import accept as accepting
from transactions.settlement import retry, settle
from transactions.settlement.partitions import partition_of
from transactions.settlement.retry import retry_delay
from transactions.settlement.settle import Settled, partition_settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("long_back_off")]


def test_the_back_off_doubles_up_to_a_minute_and_all_of_it_is_jitter() -> None:
    for attempts, ceiling_s in [(1, 0.5), (2, 1), (3, 2), (7, 32), (8, 60), (9, 60), (30_000, 60)]:
        delays_s = [retry_delay(attempts).total_seconds() for _ in range(300)]
        assert 0 <= min(delays_s) < 0.2 * ceiling_s
        assert 0.8 * ceiling_s < max(delays_s) <= ceiling_s


def test_a_locked_wallet_does_not_hold_back_other_wallets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many wallets send to it. One wait for the lock puts all of their jobs off together."""
    monkeypatch.setattr(accepting, "partition_of", lambda source_id: 0)
    wallets = crowd_wallets(40, 1_000)
    held, senders = wallets[0], wallets[1:]
    busy = accept([transfer(sender, held) for sender in senders for _ in range(5)])
    free = accept([transfer(sender, wallets[1]) for sender in senders[1:] for _ in range(5)])
    alone = accept([transfer(held, senders[0]), transfer(senders[0], senders[1])])
    # Wallets that send nothing to the locked one are not put off.
    alice, bob = funded("alice", 100), funded("bob", 100)
    good = accept([transfer(alice, bob)] * 50 + [transfer(bob, alice)] * 50)

    with wallet_held(held):
        started_s = time.monotonic()
        drained = partition_settle(partition=0, time_limit_s=DRAIN_LIMIT_S)
        took_s = time.monotonic() - started_s
        assert (drained.posted, drained.failed, drained.faults, drained.left) == (100, 0, 1, False)
        assert took_s < 3.0

    hold_end()
    partition_settle(partition=0, time_limit_s=DRAIN_LIMIT_S)
    assert_settled([*busy, *free, *alone, *good], posted=len(busy) + len(free) + len(alone) + len(good))
    for sender in senders:
        assert_in_order(sender, [*busy, *free, *alone])


def test_after_one_wait_for_a_locked_wallet_later_waits_are_shorter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settle, "_LOCK_TIMEOUT_MS", 600)
    monkeypatch.setattr(retry, "retry_delay", lambda attempts: timedelta(0))
    alice, bob = funded("alice", 100), funded("bob")
    accepted = accept([transfer(alice, bob)])

    with wallet_held(bob):
        drained = partition_settle(partition=partition_of(alice.id), time_limit_s=1.7)

    assert drained.left
    assert drained.faults > 3
    settle_all(alice)
    assert_settled(accepted, posted=1)


def test_a_wallet_that_stays_locked_makes_no_dead_letters(settings: Settings) -> None:
    settings.TRANSFER_ATTEMPTS_MAX = 2
    alice, bob = funded("alice", 100), funded("bob")
    accepted = accept([transfer(alice, bob)] * 2)

    with wallet_held(bob):
        for _ in range(3):
            drain(alice)
            assert Job.objects.filter(dead_at__isnull=False).count() == 0
            hold_end()

    settle_all(alice)
    assert_settled(accepted, posted=2)


@pytest.mark.parametrize(
    "fault",
    [psycopg.errors.DiskFull("no space"), psycopg.errors.UndefinedColumn("an old release"),
     psycopg.errors.ReadOnlySqlTransaction("a standby"), psycopg.errors.CannotConnectNow("starting up")],
    ids=lambda fault: type(fault).__name__,
)  # fmt: skip
def test_a_fault_of_the_whole_database_is_no_attempt_of_any_job(
    monkeypatch: pytest.MonkeyPatch, fault: psycopg.Error
) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accepted = accept([transfer(alice, bob)] * 3)
    database_raise(monkeypatch, fault)

    with pytest.raises(Exception, match=str(fault)):
        drain(alice)

    assert list(Job.objects.values_list("attempts", flat=True)) == [0, 0, 0]
    monkeypatch.undo()
    settle_all(alice)
    assert_settled(accepted, posted=3)


@pytest.mark.parametrize(
    "fault",
    [psycopg.DataError("cannot be sent"), psycopg.errors.QueryCanceled("too slow"),
     psycopg.errors.DeadlockDetected("crossed"), psycopg.errors.CheckViolation("refused")],
    ids=lambda fault: type(fault).__name__,
)  # fmt: skip
def test_a_fault_that_a_job_may_have_caused_is_an_attempt_of_that_job(
    monkeypatch: pytest.MonkeyPatch, fault: psycopg.Error
) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accept([transfer(alice, bob)])
    database_raise(monkeypatch, fault)

    partition_settle(partition=partition_of(alice.id), time_limit_s=0.001)

    assert Job.objects.get().attempts == 1


def test_a_connection_that_breaks_during_a_batch_rolls_it_back_and_is_no_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accepted = accept([transfer(alice, bob)] * 5)
    write = Posting.write

    def write_and_break(posting: Posting) -> None:
        write(posting)
        assert connection.connection is not None
        connection.connection.pgconn.finish()

    monkeypatch.setattr(Posting, "write", write_and_break)
    with pytest.raises(Exception, match="closed"):
        drain(alice)
    monkeypatch.undo()

    assert list(Job.objects.values_list("attempts", flat=True)) == [0] * 5
    assert_books_clean()
    assert drain(alice) == Settled(posted=5)
    assert_settled(accepted, posted=5)
