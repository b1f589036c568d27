"""A Postgres that must not be used: too old, or behind a pooler that drops the timeouts. Nothing starts with it."""

import re
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.base import base
from django.test import Client

from kit.db.errors import UnfitDatabaseError, database_gave_up
from kit.db.postgres.base import DatabaseFeatures, DatabaseWrapper
from tests.outages.pooler import Pooler
from tests.people import person, wallet_of
from tests.wallet_project.test_checks import GOOD_KEY, python
from transactions.rpc.deadlines import deadline_kept
from transactions.services import deposit_create
from wallet_project.start import database_check

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

DROPPED = "lock_timeout is 0 instead of 5000"


@pytest.fixture(autouse=True)
def own_connection() -> Iterator[None]:
    connections.close_all()
    yield
    connections.close_all()


@pytest.fixture
def without_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are made as a pooler in transaction mode makes them: without the options of the client."""
    usual = DatabaseWrapper.get_connection_params

    def stripped(self: DatabaseWrapper) -> dict[str, Any]:
        return {name: value for name, value in usual(self).items() if name != "options"}

    monkeypatch.setattr(DatabaseWrapper, "get_connection_params", stripped)


@pytest.mark.usefixtures("without_options")
def test_a_connection_without_the_timeouts_is_not_used() -> None:
    for _ in range(2):
        with pytest.raises(UnfitDatabaseError, match=DROPPED) as raised:
            connection.ensure_connection()
        assert connection.connection is None

    message = str(raised.value)
    assert "transaction_timeout is 0 instead of 60000" in message
    assert "statement_timeout is 0 instead of 30000" in message
    assert "idle_in_transaction_session_timeout is 0 instead of 60000" in message
    assert "ALTER ROLE wallet_app SET lock_timeout = 5000" in message
    # A process that meets the pooler only later answers 503 and tries again.
    assert database_gave_up(raised.value)


@pytest.mark.usefixtures("without_options")
def test_nothing_starts_without_the_timeouts() -> None:
    with pytest.raises(ImproperlyConfigured, match=DROPPED):
        database_check()
    for command in (
        ["check", "--database", "default"],
        ["serve_grpc"],
        ["consume_transfers"],
        ["relay_settled_events"],
    ):
        with pytest.raises(SystemCheckError, match=DROPPED):
            call_command(*command)


@pytest.mark.usefixtures("without_options")
def test_a_site_that_runs_already_is_unavailable_and_not_ready() -> None:
    assert Client().get("/readyz").status_code == 503
    response = Client().post("/api/v1/auth/login", {"username": "a", "password": "b"}, content_type="application/json")
    assert (response.status_code, response["Retry-After"]) == (503, "5")


def test_an_old_postgres_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DatabaseFeatures, "minimum_database_version", (99,))
    monkeypatch.setattr(base, "RAN_DB_VERSION_CHECK", set())

    for _ in range(2):
        with pytest.raises(UnfitDatabaseError, match="PostgreSQL 99 or later is required"):
            connection.ensure_connection()
    with pytest.raises(ImproperlyConfigured, match="PostgreSQL 99 or later is required"):
        database_check()


def test_a_postgres_that_does_not_know_our_timeouts_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Postgres 16 and older refuse the connection before their version can be asked for."""
    options = connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(options, "options", "-c transaction_timeout_of_old=1")

    with pytest.raises(UnfitDatabaseError, match="Postgres 17 or newer is required"):
        connection.ensure_connection()


def test_a_database_that_is_away_does_not_keep_a_process_from_starting() -> None:
    checked = python("manage.py", "check", "--database", "default", DATABASE_URL="postgres://nobody@127.0.0.1:1/none")

    assert checked.returncode == 0, checked.stderr


@pytest.mark.pooler
@pytest.mark.parametrize(("ignores_options", "why"), [(True, DROPPED), (False, "startup parameter")])
def test_a_real_pooler_that_drops_or_refuses_the_timeouts_is_refused(
    pooler: Pooler, ignores_options: bool, why: str
) -> None:
    pooler.start(ignores_options=ignores_options)

    for arguments in (
        ["-m", "gunicorn", "-c", "wallet_project/gunicorn.py", "wallet_project.wsgi"],
        ["-m", "celery", "-A", "wallet_project", "worker", "--pool", "solo"],
        ["manage.py", "serve_grpc", "--bind", "127.0.0.1:0"],
        ["manage.py", "migrate"],
    ):
        started = python(*arguments, **_site(pooler))

        assert started.returncode != 0, arguments
        assert "The database does not apply this site's timeouts" in started.stdout + started.stderr, arguments
        assert why in started.stdout + started.stderr


@pytest.mark.pooler
def test_money_moves_through_a_real_pooler_if_the_role_has_the_timeouts(pooler: Pooler, pooled_role: str) -> None:
    alice = person("alice")
    pooler.start(ignores_options=True, role=pooled_role)

    with pooler.used():
        deposit_create(actor=alice, wallet_id=wallet_of(alice).id, amount=5)
        assert wallet_of(alice).balance == 5
    checked = python("manage.py", "check", "--database", "default", **_site(pooler))
    assert checked.returncode == 0, checked.stderr


@pytest.mark.pooler
def test_behind_a_pooler_a_deadline_affects_only_its_own_transaction(pooler: Pooler, pooled_role: str) -> None:
    """All clients share one connection to Postgres; the other client must not inherit anything."""
    pooler.start(ignores_options=True, role=pooled_role)
    other = psycopg.connect(pooler.url(), autocommit=True)
    with pooler.used(), closing(other):
        with deadline_kept(time.monotonic() + 0.9):
            assert _timeout(connection) == "1s"
            assert _timeout(other) == "30s"
            with transaction.atomic():
                assert _timeout(connection) == "1s"
        with suppress(DatabaseError), deadline_kept(time.monotonic() + 0.2), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        assert _timeout(other) == "30s"
        assert _timeout(connection) == "30s"


@pytest.fixture
def pooled_role(transactional_db: None) -> Iterator[str]:
    """A role with the settings that the site asks for, as the refusal and the documentation advise."""
    wanted = dict(re.findall(r"-c ([\w.]+)=(\w+)", connection.settings_dict["OPTIONS"]["options"]))
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS pooled")
        cursor.execute("CREATE ROLE pooled LOGIN SUPERUSER")
        for name, value in wanted.items():
            cursor.execute(f"ALTER ROLE pooled SET {name} = {value}")
    yield "pooled"
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE pooled")


def _site(pooler: Pooler) -> dict[str, str]:
    return {
        "DATABASE_URL": pooler.url(),
        "SECRET_KEY": GOOD_KEY,
        "DJANGO_SETTINGS_MODULE": "wallet_project.settings",
        "BIND": "127.0.0.1:0",
    }


def _timeout(client: Any) -> str:
    with client.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return str(cursor.fetchone()[0])
