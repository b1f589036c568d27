"""A caller's deadline, as the database is told of it."""

import time
from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connection, transaction

from transactions.rpc.deadlines import DeadlineError, deadline_kept

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_connection() -> Iterator[None]:
    """Settings of the connection concern no other test."""
    connection.close()
    yield
    connection.close()


def timeout_now() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        (timeout,) = cursor.fetchone()
    return str(timeout)


def within(seconds: float) -> float:
    return time.monotonic() + seconds


def test_a_statement_may_run_for_as_long_as_somebody_waits_and_not_much_longer() -> None:
    usual = timeout_now()
    for left_s, timeout in [(9.0, "10s"), (9.5, "10s"), (0.9, "1s"), (0.2, "250ms"), (3_600.0, usual)]:
        with deadline_kept(within(left_s)):
            assert timeout_now() == timeout
    with deadline_kept(within(4.0)):
        assert timeout_now() == "5s"
    with deadline_kept(None):
        assert timeout_now() == usual


def test_what_a_transaction_was_told_ends_with_it() -> None:
    usual = timeout_now()
    with deadline_kept(within(9.0)):
        with transaction.atomic():
            assert timeout_now() == "10s"
            transaction.set_rollback(True)
        assert timeout_now() == "10s"
    with deadline_kept(None), transaction.atomic():
        assert timeout_now() == usual


def test_what_takes_too_long_is_cut_off_and_nothing_is_begun_after_it() -> None:
    with deadline_kept(within(0.05)):
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")
        with pytest.raises(DeadlineError):
            timeout_now()


def test_a_transaction_whose_time_is_up_is_undone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE written (number int)")
    with pytest.raises(DeadlineError):
        _write_slowly()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM written")
        assert cursor.fetchone() == (0,)


def _write_slowly() -> None:
    with deadline_kept(within(0.2)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO written VALUES (1)")
        time.sleep(0.25)
        cursor.execute("INSERT INTO written VALUES (2)")
