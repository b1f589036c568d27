"""If a process or connection dies in the middle of a posting, either all of it happened or nothing."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from tests.concurrency.crowd import Answer, at_once
from tests.concurrency.processes import workers
from tests.concurrency.waiting import backend_pid
from tests.database import acting_as_superuser
from tests.people import balance_of, funded, wallet_of_id
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Entry, Kind, Transaction
from wallets.models import Wallet

pytestmark = pytest.mark.long

#: The statements after which a posting is stopped.
LOCKED, WRITTEN = "FOR NO KEY UPDATE", "INSERT INTO transactions_entry"


@pytest.fixture
def alice() -> Wallet:
    return funded("alice", 100)


@pytest.fixture
def way(alice: Wallet) -> dict[str, Any]:
    return {
        "kind": "withdrawal",
        "source_id": alice.id,
        "amount": 10,
        "initiator_id": alice.owner_id,
        "idempotency_key": "k",
    }


def command(way: dict[str, Any]) -> Command:
    return Command(**{**way, "kind": Kind(way["kind"])})


@pytest.mark.parametrize("statement", [LOCKED, WRITTEN])
def test_a_process_killed_in_the_middle_changes_nothing(alice: Wallet, way: dict[str, Any], statement: str) -> None:
    with workers(1) as (victim,):
        victim.start("stop_at", statement=statement, way=way)
        assert victim.answer() == "stopped"
        victim.kill()
    assert (balance_of(alice), Transaction.objects.count(), Entry.objects.count()) == (100, 1, 2)
    # Its lock is released and its key is free.
    (outcome,) = post([command(way)])
    assert outcome.transaction is not None
    assert not outcome.replayed
    assert balance_of(alice) == 90


def test_a_process_killed_after_the_commit_has_moved_the_money_once(alice: Wallet, way: dict[str, Any]) -> None:
    with workers(1) as (victim,):
        victim.start("stop_after_commit", way=way)
        assert victim.answer() == "stopped"
        victim.kill()
    (outcome,) = post([command(way)])
    assert outcome.replayed
    assert balance_of(alice) == 90


def test_processes_killed_at_any_moment_leave_correct_books(alice: Wallet, way: dict[str, Any]) -> None:
    bob = funded("bob", 100)
    there = {**way, "kind": "transfer", "destination_id": bob.id, "amount": 1, "idempotency_key": None}
    back = {**there, "source_id": bob.id, "destination_id": alice.id}
    with workers(2) as victims:
        for victim in victims:
            victim.start("moves", ways=[there, back], times=100_000)
        for number, victim in enumerate(victims):
            _wait_for_version(alice, wallet_of_id(alice.id).version + 7 + number)
            victim.kill()
    version = wallet_of_id(alice.id).version
    assert balance_of(alice) + balance_of(bob) == 200
    assert Entry.objects.filter(wallet=alice).count() == version
    (outcome,) = post([command(there)])
    assert outcome.transaction is not None


def _wait_for_version(wallet: Wallet, version: int) -> None:
    deadline = time.monotonic() + 30
    while wallet_of_id(wallet.id).version < version:
        assert time.monotonic() < deadline, "Nothing moves."
        time.sleep(0.002)


@pytest.mark.parametrize("statement", [LOCKED, WRITTEN])
def test_a_connection_cut_in_the_middle_changes_nothing(alice: Wallet, way: dict[str, Any], statement: str) -> None:
    def cut_off() -> object:
        with connection.execute_wrapper(_cut_after(statement)):
            return post([command(way)])

    (answer,) = at_once([cut_off])
    assert isinstance(answer.error, OperationalError)
    assert (balance_of(alice), Transaction.objects.count(), Entry.objects.count()) == (100, 1, 2)
    assert post([command(way)])[0].transaction
    assert balance_of(alice) == 90


def test_a_thread_whose_connection_was_cut_continues_with_a_new_one(alice: Wallet, way: dict[str, Any]) -> None:
    def cut_off_and_again() -> tuple[Answer[object], object]:
        try:
            with connection.execute_wrapper(_cut_after(WRITTEN)):
                first: Answer[object] = Answer(value=post([command(way)]))
        except OperationalError as error:
            first = Answer(error=error)
        # Django does this at the end of a request.
        connection.close_if_unusable_or_obsolete()
        return first, post([command(way)])[0].transaction

    (answer,) = at_once([cut_off_and_again])
    assert answer.value is not None
    first, second = answer.value
    assert isinstance(first.error, OperationalError)
    assert second is not None
    assert balance_of(alice) == 90


def _cut_after(statement: str) -> Callable[..., Any]:
    """Makes the database drop the connection after this statement, as in a failover."""

    def cut(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if statement in sql:
            pid = backend_pid()
            (dropped,) = at_once([lambda: _drop(pid)])
            assert dropped.value is True
        return result

    return cut


def _drop(pid: int) -> bool:
    with acting_as_superuser(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
        return bool(cursor.fetchone()[0])


def test_a_statement_cancelled_in_the_middle_changes_nothing(alice: Wallet, way: dict[str, Any]) -> None:
    """The statement timeout expires while the write waits for the idempotency key, which another request holds."""
    bob = funded("bob", 100)

    def write() -> object:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 200")
        return post([command(way)])

    with transaction.atomic():
        assert post([command({**way, "source_id": bob.id})])[0].transaction
        (answer,) = at_once([write])
        transaction.set_rollback(True)
    assert isinstance(answer.error, OperationalError)
    assert isinstance(answer.error.__cause__, QueryCanceled)
    assert (balance_of(alice), wallet_of_id(alice.id).version) == (100, 1)
    assert post([command(way)])[0].transaction
