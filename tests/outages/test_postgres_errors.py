"""Whatever keeps Postgres from working for a while is "unavailable", and charged to nobody's transfer."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
from django.db import DatabaseError, Error, connection, connections, transaction
from django.test import Client

from devtools.servers import Server, database_make, directories_make, postgres_server
from kit.db.errors import database_gave_up
from transactions.settlement.faults import fault_is_shared
from wallet_project.embedded import Places

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_connection() -> Iterator[None]:
    """The tests break the connection."""
    yield
    connections.close_all()


@pytest.fixture
def own_postgres(places: Places) -> Iterator[Server]:
    """A Postgres of this test alone, with an empty database."""
    directories_make(places)
    server = postgres_server(places, durable=False)
    server.start()
    database_make(places)
    yield server
    server.stop()


@contextmanager
def connected_to(**to: object) -> Iterator[None]:
    """The default connection leads elsewhere."""
    connections.close_all()
    before = dict(connection.settings_dict)
    connection.settings_dict.update(to)
    try:
        yield
    finally:
        connections.close_all()
        connection.settings_dict.update(before)


def _read_only() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute("CREATE TABLE never (x int)")


def _shut_down() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def _idle_in_transaction() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 50")
        time.sleep(0.5)
        cursor.execute("SELECT 1")


def _out_of_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS crowded")
        cursor.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    with connected_to(USER="crowded"):
        connection.ensure_connection()


@pytest.mark.parametrize("cause", [_read_only, _shut_down, _idle_in_transaction, _out_of_connections])
def test_a_database_that_does_not_work_for_a_while_is_no_ones_fault(cause: Callable[[], None]) -> None:
    with pytest.raises(Error) as raised:
        cause()

    assert database_gave_up(raised.value)
    assert fault_is_shared(raised.value)


def test_a_mistake_in_a_transaction_is_a_mistake() -> None:
    """It belongs to the same class of SQLSTATE as a read-only database."""

    def ignore_an_error() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            with suppress(DatabaseError):
                cursor.execute("SELECT 1 / 0")
            cursor.execute("SELECT 1")

    with pytest.raises(DatabaseError) as raised:
        ignore_an_error()

    assert not database_gave_up(raised.value)


def test_a_standby_is_not_used_and_the_site_is_unavailable(own_postgres: Server, places: Places) -> None:
    """Its data lags behind; what is read there would be cached for everybody."""
    own_postgres.stop()
    (places.postgres / "standby.signal").touch()
    own_postgres.start()
    with psycopg.connect(places.database_url()) as there:
        assert there.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)

    with connected_to(HOST=str(places.sockets), PORT="", NAME="wallet", USER="postgres", PASSWORD=""):
        page = Client(raise_request_exception=False).get("/accounts/login/")
        form = Client(raise_request_exception=False).post("/accounts/login/", {"login": "alice", "password": "x"})
        api = Client().post("/api/v1/auth/login", {"username": "a", "password": "b"}, content_type="application/json")
        ready = Client().get("/readyz")

    assert page.status_code == 200
    assert (form.status_code, form["Retry-After"]) == (503, "5")
    assert (api.status_code, api["Retry-After"], api.json()["code"]) == (503, "5", "unavailable")
    assert ready.status_code == 503


def test_a_postgres_in_recovery_is_unavailable(own_postgres: Server, places: Places) -> None:
    own_postgres.stop()
    (places.postgres / "standby.signal").touch()
    # Without hot_standby it accepts no connections, as during the recovery from a crash.
    own_postgres.command = [*own_postgres.command, "-c", "hot_standby=off"]
    own_postgres._spawn()

    with connected_to(HOST=str(places.sockets), PORT="", NAME="wallet", USER="postgres", PASSWORD=""):
        deadline = time.monotonic() + 30
        message = ""
        while "not accepting connections" not in message and "not yet accepting" not in message:
            assert time.monotonic() < deadline, message
            with pytest.raises(Error) as raised:
                connection.ensure_connection()
            message = str(raised.value)
        api = Client().post("/api/v1/auth/login", {"username": "a", "password": "b"}, content_type="application/json")

    assert database_gave_up(raised.value)
    assert fault_is_shared(raised.value)
    assert (api.status_code, api["Retry-After"]) == (503, "5")
