"""Locks rows on a separate connection, and finds the connections that wait for a lock."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from django.db import connection
from psycopg import sql

from tests.database import OWNER
from wallets.models import Wallet

#: An advisory lock for which a settler is made to wait.
_HELD_UP = 4711


def outside_connection(*, role: str = "") -> psycopg.Connection:
    """A second connection to the tests' database, beside Django's, with the rights of the site's role or another."""
    made = psycopg.connect(**{**connection.get_connection_params(), "cursor_factory": None, "context": None})
    if role:
        made.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role)))
        made.commit()
    return made


@contextmanager
def row_held(table: str, id_: int) -> Iterator[psycopg.Connection]:
    """Holds a row's lock. To release it earlier, roll the connection back."""
    with outside_connection() as stranger:
        stranger.execute(sql.SQL("SELECT FROM {} WHERE id = %s FOR UPDATE").format(sql.Identifier(table)), [id_])
        yield stranger
        # The test may have stopped the server, and with it this connection.
        with suppress(psycopg.OperationalError):
            stranger.rollback()


@contextmanager
def wallet_held(wallet: Wallet) -> Iterator[psycopg.Connection]:
    with row_held("wallets_wallet", wallet.id) as stranger:
        yield stranger


def backends(*, application: str, waiting: bool = False) -> list[int]:
    """The process ids of an application's connections; with `waiting`, of those that wait for a lock. The thread that
    notes when tokens are used does not count: it has a connection of its own."""
    with outside_connection() as observer:
        rows = observer.execute(
            """SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s
            AND ((wait_event_type = 'Lock' AND NOT starts_with(query, 'SELECT tokens_used')) OR NOT %s)""",
            [application, waiting],
        ).fetchall()
    return [row[0] for row in rows]


@contextmanager
def deletes_of_jobs_held_up(*, at_commit: bool = False) -> Iterator[psycopg.Connection]:
    """A settler that has posted jobs and deletes them is held up there, or in the middle of its commit, until the
    connection is rolled back."""
    moment = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW" if at_commit else "FOR EACH STATEMENT"
    with outside_connection(role=OWNER) as builder:
        builder.execute(
            f"""CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '60s' AS $$
            BEGIN PERFORM pg_advisory_xact_lock_shared({_HELD_UP}); RETURN NULL; END $$;
            CREATE {"CONSTRAINT" if at_commit else ""} TRIGGER hold_up AFTER DELETE ON transactions_job {moment}
            EXECUTE FUNCTION hold_up()"""
        )
    try:
        with outside_connection() as stranger:
            stranger.execute("SELECT pg_advisory_xact_lock(%s)", [_HELD_UP])
            yield stranger
            stranger.rollback()
    finally:
        with outside_connection(role=OWNER) as builder:
            builder.execute("DROP FUNCTION hold_up CASCADE")
