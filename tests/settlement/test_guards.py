"""The guards of jobs: Postgres refuses every statement that would lose an accepted transfer."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection

from kit.db.errors import constraint_violated
from tests.people import funded
from tests.settlement.transfers import accept, drain, transfer
from transactions.models import DeadLetterAction, Job, Status, Transaction
from wallets.models import Wallet
from wallets.node_leases import snowflake_next


@pytest.fixture
def alice(db: None) -> Wallet:
    return funded("alice", 100)


@pytest.fixture
def pending(alice: Wallet) -> Transaction:
    return accept([transfer(alice, funded("bob"))])[0]


_PENDING_SQL = """INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id, destination_id,
    memo, initiator_id, created_at, failure_code)
    SELECT %(id)s, kind, 'pending', currency, amount, source_id, destination_id, '', initiator_id, now(), ''
    FROM transactions_transaction WHERE id = %(like)s"""


def test_a_pending_transaction_without_a_job_is_refused(pending: Transaction) -> None:
    refused("transaction_pending_has_job", _PENDING_SQL, id=snowflake_next(), like=pending.id)


def test_a_job_inserted_one_statement_later_is_refused(pending: Transaction) -> None:
    sql = f"""{_PENDING_SQL}; INSERT INTO transactions_job (transaction_id, source_id, partition)
        SELECT %(id)s, source_id, 1 FROM transactions_transaction WHERE id = %(like)s"""
    refused("transaction_pending_has_job", sql, id=snowflake_next(), like=pending.id)


def test_a_job_of_a_settled_transaction_is_refused(pending: Transaction, alice: Wallet) -> None:
    drain(alice)
    sql = "INSERT INTO transactions_job (transaction_id, source_id, partition) VALUES (%(id)s, %(source)s, 1)"
    refused("job_fits_transaction", sql, id=pending.id, source=alice.id)


def test_a_job_under_another_wallet_than_its_transactions_source_is_refused(pending: Transaction) -> None:
    sql = f"""WITH accepted AS ({_PENDING_SQL} RETURNING id, destination_id)
        INSERT INTO transactions_job (transaction_id, source_id, partition)
        SELECT id, destination_id, 1 FROM accepted"""
    refused("job_fits_transaction", sql, id=snowflake_next(), like=pending.id)


def test_a_second_job_of_a_transaction_is_refused(pending: Transaction, alice: Wallet) -> None:
    sql = "INSERT INTO transactions_job (transaction_id, source_id, partition) VALUES (%(id)s, %(source)s, 1)"
    refused("transactions_job_transaction_id_key", sql, id=pending.id, source=alice.id)


def test_a_job_whose_transaction_is_pending_cannot_be_deleted(pending: Transaction) -> None:
    refused("job_stays_until_settled", "DELETE FROM transactions_job")


@pytest.mark.parametrize("column", ["id", "transaction_id", "source_id"])
def test_the_identity_of_a_job_never_changes(pending: Transaction, column: str) -> None:
    refused("job_is_fixed", f"UPDATE transactions_job SET {column} = {column} + 1")


@pytest.mark.parametrize(
    "sql",
    ["UPDATE transactions_deadletteraction SET note = ''", "DELETE FROM transactions_deadletteraction"],
    ids=["update", "delete"],
)
def test_the_audit_trail_of_dead_letters_is_append_only(pending: Transaction, sql: str) -> None:
    DeadLetterAction.objects.create(
        transaction=pending, action=DeadLetterAction.Action.REPLAYED, note="", fault="", attempts=8
    )
    refused("deadletteraction_append_only", sql)


@pytest.mark.parametrize(
    ("table", "rule"),
    [("transactions_job", "job_no_truncate"), ("transactions_deadletteraction", "deadletteraction_no_truncate")],
)
def test_neither_jobs_nor_the_audit_trail_can_be_truncated(db: None, table: str, rule: str) -> None:
    refused(rule, f"TRUNCATE {table}")


def test_the_guards_find_a_job_by_index_even_with_an_old_plan(alice: Wallet) -> None:
    """A plan made for an empty job table is still good for thousands of jobs."""
    bob = funded("bob")
    for _ in range(10):
        accept([transfer(alice, bob)])
    accept([transfer(alice, bob)] * 5_000)
    scanned = _rows_scanned_in_sequence()

    for _ in range(10):
        accept([transfer(alice, bob)])

    assert _rows_scanned_in_sequence() - scanned == 0


@pytest.mark.django_db(transaction=True)
def test_the_migrations_of_the_guards_are_reversible() -> None:
    call_command("migrate", "transactions", "0003", verbosity=0)
    try:
        assert _triggers() == set()
    finally:
        call_command("migrate", "transactions", verbosity=0)
    assert len(_triggers()) == 7


def refused(rule: str, sql: str, **parameters: int) -> None:
    before = (Job.objects.count(), Transaction.objects.filter(status=Status.PENDING).count())
    with connection.cursor() as cursor, pytest.raises(IntegrityError) as error:  # noqa: PT012
        cursor.execute("SAVEPOINT attack")
        cursor.execute(sql, parameters or None)
    with connection.cursor() as cursor:
        cursor.execute("ROLLBACK TO SAVEPOINT attack")
    assert constraint_violated(error.value) == rule
    assert (Job.objects.count(), Transaction.objects.filter(status=Status.PENDING).count()) == before


def _triggers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND (tgname = 'transaction_pending_has_job' OR
            tgrelid IN ('transactions_job'::regclass, 'transactions_deadletteraction'::regclass))"""
        )
        return {row[0] for row in cursor.fetchall()}


def _rows_scanned_in_sequence() -> int:
    """The number of job rows that this database transaction has read in sequential scans."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq_tup_read FROM pg_stat_xact_all_tables WHERE relname = 'transactions_job'")
        return int(cursor.fetchone()[0])
