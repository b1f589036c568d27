"""The audit counts pending transfers, and finds jobs that are missing or should not exist."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from tests.audit.books import Books, books_spoil
from tests.dead_letter_desk.letters import dead_make, pending_make, queue_drain
from transactions.audit import books_audit
from transactions.models import Transaction
from wallets.models import User


@dataclass(frozen=True, slots=True)
class Corruption:
    """SQL that corrupts the jobs, with ids as placeholders, and the finding that the audit must name."""

    name: str
    sql: str
    finding: str
    dropped: str = ""


CORRUPTIONS = [
    Corruption(
        "a_forgotten_transfer",
        "DELETE FROM transactions_job WHERE transaction_id = {pending}",
        "transaction {pending}: is pending but has no job",
    ),
    Corruption(
        "a_job_without_a_transaction",
        "DELETE FROM transactions_transaction WHERE id = {pending}",
        "transaction {pending}: has a job but does not exist",
    ),
    Corruption(
        "a_job_of_a_posted_transfer",
        "UPDATE transactions_job SET transaction_id = {transfer} WHERE transaction_id = {pending}",
        "transaction {transfer}: is posted but still has a job",
    ),
    Corruption(
        "a_job_of_a_failed_transfer",
        "UPDATE transactions_transaction SET status = 'failed', settled_at = now(), failure_code = 'x' "
        "WHERE id = {pending}",
        "transaction {pending}: is failed but still has a job",
    ),
    Corruption(
        "a_dead_letter_of_a_failed_transfer",
        "UPDATE transactions_transaction SET status = 'failed', settled_at = now(), failure_code = 'x' "
        "WHERE id = {dead}",
        "transaction {dead}: is failed but still has a job",
    ),
    Corruption(
        "two_jobs_of_one_transfer",
        "INSERT INTO transactions_job (transaction_id, source_id, partition) "
        "SELECT transaction_id, source_id, partition FROM transactions_job WHERE transaction_id = {pending}",
        "transaction {pending}: has 2 jobs instead of 1",
        dropped="transactions_job_transaction_id_key",
    ),
    Corruption(
        "a_job_that_waits_at_another_wallet",
        "UPDATE transactions_job SET source_id = {charlie} WHERE transaction_id = {pending}",
        "transaction {pending}: its job waits at another wallet",
    ),
    Corruption(
        "posted_without_a_job_and_without_entries",
        "WITH gone AS (DELETE FROM transactions_job WHERE transaction_id = {pending}) "
        "UPDATE transactions_transaction SET status = 'posted', settled_at = now() WHERE id = {pending}",
        "transaction {pending}: is posted without entries",
    ),
]


@pytest.fixture
def pending(books: Books, alice: User) -> Transaction:
    return pending_make(alice, "bob")


@pytest.fixture
def dead(books: Books, alice: User) -> Transaction:
    return dead_make(alice, "charlie")


def test_pending_transfers_and_dead_letters_are_no_findings(pending: Transaction, dead: Transaction) -> None:
    audit = books_audit()

    assert audit.clean, audit.findings
    assert audit.transactions == {"pending": 2, "posted": 3, "failed": 0}
    assert audit.dead_letter_count == 1
    assert audit.oldest_pending_s is not None


def test_settled_transfers_are_no_findings(pending: Transaction) -> None:
    queue_drain()

    audit = books_audit()

    assert audit.clean, audit.findings
    assert audit.transactions == {"pending": 0, "posted": 4, "failed": 0}
    assert (audit.dead_letter_count, audit.oldest_pending_s) == (0, None)


def test_it_gives_the_age_of_the_oldest_pending_transfer(pending: Transaction, dead: Transaction) -> None:
    books_spoil(
        f"UPDATE transactions_transaction SET created_at = clock_timestamp() - interval '1 hour' WHERE id = {dead.id}"
    )

    audit = books_audit()

    assert audit.oldest_pending_s is not None
    assert 3600 <= audit.oldest_pending_s < 3660


def test_the_age_is_not_negative_if_a_clock_is_behind(pending: Transaction) -> None:
    books_spoil("UPDATE transactions_transaction SET created_at = now() + interval '1 hour' WHERE status = 'pending'")

    assert books_audit().oldest_pending_s == 0


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.name)
def test_it_finds_and_names_the_fault(
    corruption: Corruption, books: Books, pending: Transaction, dead: Transaction
) -> None:
    ids = {"transfer": books.transfer, "charlie": books.charlie, "pending": pending.id, "dead": dead.id}
    books_spoil(corruption.sql.format(**ids), dropped=corruption.dropped)

    audit = books_audit()

    assert not audit.clean
    named = [f"{finding.subject}: {finding.problem}" for finding in audit.findings]
    assert any(corruption.finding.format(**ids) in line for line in named), named


def test_a_job_that_points_to_another_transaction_is_two_findings(books: Books, pending: Transaction) -> None:
    books_spoil(f"UPDATE transactions_job SET transaction_id = {books.transfer}")

    findings = [finding.problem for finding in books_audit().findings]

    assert "is pending but has no job" in findings
    assert any("is posted but still has a job" in finding for finding in findings)


def test_it_counts_all_forgotten_transfers_and_names_the_first_ones(
    books: Books, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.audit.FINDINGS_NAMED_MAX", 2)
    forgotten = [pending_make(alice, "bob", amount=1).id for _ in range(5)]
    books_spoil("DELETE FROM transactions_job")

    audit = books_audit()

    assert audit.finding_count == 5
    assert [finding.subject for finding in audit.findings] == [f"transaction {id_}" for id_ in sorted(forgotten)[:2]]


def test_the_command_prints_pending_transfers_and_dead_letters(pending: Transaction, dead: Transaction) -> None:
    out, as_json = StringIO(), StringIO()

    call_command("audit_ledger", stdout=out)
    call_command("audit_ledger", json=True, stdout=as_json)

    assert "2 pending" in out.getvalue()
    assert "dead letters  1" in out.getvalue()
    assert "s at most" in out.getvalue()
    printed = json.loads(as_json.getvalue())
    assert printed["dead_letter_count"] == 1
    assert printed["oldest_pending_s"] >= 0


@pytest.mark.django_db(transaction=True)
def test_jobs_and_transactions_are_read_in_the_same_snapshot(books: Books, pending: Transaction) -> None:
    settled = False

    def settle_before_the_jobs_are_read(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        nonlocal settled
        if "FULL JOIN jobs" in sql:
            worker = threading.Thread(target=_settle_and_close)
            worker.start()
            worker.join(timeout=20)
            settled = True
        return execute(sql, *rest)

    with connection.execute_wrapper(settle_before_the_jobs_are_read):
        audit = books_audit()

    assert settled
    assert audit.clean, audit.findings
    assert audit.transactions["pending"] == 1
    assert books_audit().transactions == {"pending": 0, "posted": 4, "failed": 0}


def _settle_and_close() -> None:
    try:
        queue_drain()
    finally:
        connection.close()
