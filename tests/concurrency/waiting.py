"""Knowing, instead of hoping, that somebody waits for a lock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_POLL_S = 0.005
#: Less than the lock timeout: whoever waits gives up then.
_PATIENCE_S = 4


def waited_for(pid: int, *, by: int = 1) -> None:
    """Returns once so many other backends wait for a lock that this one holds."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Not pg_stat_activity, which stands still inside a transaction.
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND %s = ANY(pg_blocking_pids(pid))", [pid])
            if cursor.fetchone()[0] >= by:
                return
        time.sleep(_POLL_S)
    raise TimeoutError("Nobody waits.")


def backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@contextmanager
def lock_timeout(milliseconds: int) -> Iterator[None]:
    """Less patience with locks, for this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        (before,) = cursor.fetchone()
        cursor.execute(f"SET lock_timeout = {milliseconds}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{before}'")
