"""Waiting until another connection waits for a lock, instead of sleeping."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from tests.concurrency.crowd import PATIENCE_S

_POLL_S = 0.005


def waited_for(pid: int) -> None:
    """Returns when another backend waits for a lock that the backend `pid` holds."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Reads pg_locks, because pg_stat_activity does not change inside a transaction.
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND %s = ANY(pg_blocking_pids(pid))", [pid])
            if cursor.fetchone()[0]:
                return
        time.sleep(_POLL_S)
    raise TimeoutError("Nobody waits.")


def waiters_wait(count: int) -> None:
    """Returns when this many backends wait for locks, whoever holds them: of several that want the same row, all but
    the first wait for each other."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(_POLL_S)
    raise TimeoutError("Too few wait.")


def backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@contextmanager
def lock_timeout(milliseconds: int) -> Iterator[None]:
    """Sets the lock timeout of this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        (before,) = cursor.fetchone()
        cursor.execute(f"SET lock_timeout = {milliseconds}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{before}'")
