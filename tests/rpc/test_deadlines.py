"""The caller's deadline limits the statements in the database."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import grpc
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from tests.people import person
from transactions.rpc.arrivals import Arrival
from transactions.rpc.deadlines import DeadlineError, deadline_kept
from transactions.rpc.handling import call_answer
from transactions.rpc.methods import METHODS
from wallets.tokens.services import token_issue

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_connection() -> Iterator[None]:
    """Gives each test a new connection, because the tests change its settings."""
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


def test_the_statement_timeout_is_the_time_left_rounded_up() -> None:
    usual = timeout_now()
    for left_s, timeout in [(9.0, "10s"), (9.5, "10s"), (0.9, "1s"), (0.2, "250ms"), (3_600.0, usual)]:
        with deadline_kept(within(left_s)):
            assert timeout_now() == timeout
    with deadline_kept(within(4.0)):
        assert timeout_now() == "5s"
    with deadline_kept(None):
        assert timeout_now() == usual


def _read() -> None:
    assert timeout_now() == "1s"


def _write() -> None:
    with transaction.atomic():
        assert timeout_now() == "1s"


def _roll_back() -> None:
    with transaction.atomic():
        assert timeout_now() == "1s"
        transaction.set_rollback(True)


def _fail() -> None:
    with suppress(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


def _be_late() -> None:
    with suppress(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(20)")


def _be_cancelled() -> None:
    class Cancelled(BaseException):
        """Nobody waits for the call any more."""

    with suppress(Cancelled), transaction.atomic():
        assert timeout_now() == "1s"
        raise Cancelled


@pytest.mark.parametrize("call", [_read, _write, _roll_back, _fail, _be_late, _be_cancelled])
def test_nothing_of_a_deadline_outlives_its_transaction(call: Callable[[], None]) -> None:
    """The session is asked itself: behind a pooler, somebody else gets it next."""
    usual = timeout_now()

    with deadline_kept(within(0.9)):
        call()
        session = connection.connection.execute("SHOW statement_timeout").fetchone()

    assert session == (usual,)
    assert timeout_now() == usual
    with transaction.atomic():
        assert timeout_now() == usual


def test_the_timeout_shrinks_with_the_time_left() -> None:
    with deadline_kept(within(1.2)), transaction.atomic():
        assert timeout_now() == "2500ms"
        time.sleep(0.3)
        assert timeout_now() == "1s"


def test_a_rollback_to_a_savepoint_does_not_give_more_time() -> None:
    """It takes back what was set after the savepoint."""
    with deadline_kept(within(1.2)), transaction.atomic():
        assert timeout_now() == "2500ms"
        for is_error in (False, True):
            with suppress(DatabaseError), transaction.atomic():
                time.sleep(0.0 if is_error else 0.3)
                assert timeout_now() == "1s"
                if is_error:
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT 1 / 0")
                transaction.set_rollback(True)
            assert timeout_now() == "1s"


def test_a_rollback_to_a_savepoint_works_under_a_deadline() -> None:
    """The rollback is a statement as well, and a failed transaction accepts hardly any other."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE written (number int UNIQUE) ON COMMIT DROP")
        cursor.execute("INSERT INTO written VALUES (1)")
        with deadline_kept(within(9.0)):
            with pytest.raises(IntegrityError), transaction.atomic():
                cursor.execute("INSERT INTO written VALUES (1)")
            cursor.execute("SELECT count(*) FROM written")
            assert cursor.fetchone() == (1,)


def test_a_statement_that_takes_too_long_is_cancelled_and_no_other_is_started() -> None:
    with deadline_kept(within(0.05)):
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")
        with pytest.raises(DeadlineError):
            timeout_now()


def test_a_transaction_whose_deadline_has_passed_is_rolled_back() -> None:
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


@pytest.mark.usefixtures("trusted_cache")
def test_a_call_whose_deadline_has_passed_does_not_read_the_cache() -> None:
    user = person("dora")
    _, token = token_issue(user=user, name="test")

    def answered(deadline_s: float | None) -> int:
        arrival = Arrival(
            method="ListWallets",
            body=b"",
            authorization=f"Bearer {token}",
            request_id="",
            network="127.0.0.1",
            deadline_s=deadline_s,
        )
        status = call_answer(METHODS["ListWallets"], arrival).status
        return status.code if status is not None else 0

    ok, exceeded = (code.value[0] for code in (grpc.StatusCode.OK, grpc.StatusCode.DEADLINE_EXCEEDED))
    assert [answered(None), answered(within(9.0)), answered(within(0.0))] == [ok, ok, exceeded]
