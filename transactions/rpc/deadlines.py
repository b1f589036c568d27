"""A caller's deadline, kept in the database too: what nobody waits for any more begins no statement, and ends soon."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from psycopg.pq import TransactionStatus

#: A statement may run until the deadline, rounded up to one of these: so a client's usual deadline takes one SET for
#: each connection, and not one for each call.
_STEPS_MS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000)
#: In less than this nothing is done that would help anybody.
_WORTH_BEGINNING_S = 0.005


class DeadlineError(Exception):
    """Whoever asked waits no longer; nothing more is begun for them."""


class _Known(threading.local):
    """What statement_timeout this thread has set, and on which of psycopg's connections."""

    on: object = None
    timeout_ms: int | None = None


_known = _Known()


def deadline_check(deadline_s: float | None) -> None:
    """Raises DeadlineError where the deadline (of time.monotonic) is past, or as good as past."""
    if deadline_s is not None and deadline_s - time.monotonic() < _WORTH_BEGINNING_S:
        raise DeadlineError


@contextmanager
def deadline_kept(deadline_s: float | None) -> Iterator[None]:
    """Inside, each statement of this thread is checked against the deadline and cut off soon after it; a commit that
    has begun is never cut off. Raises DeadlineError from whatever statement comes too late."""

    def execute_in_time(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's signature
        deadline_check(deadline_s)
        _timeout_set(None if deadline_s is None else deadline_s - time.monotonic())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(execute_in_time):
        yield


def _timeout_set(remaining_s: float | None) -> None:
    wanted = _step_ms(remaining_s)
    postgres = connection.connection
    status = postgres.info.transaction_status
    known = _known.timeout_ms if _known.on is postgres else None
    # A transaction that has failed takes nothing but its end, or the way back to a savepoint.
    if wanted == known or status == TransactionStatus.INERROR:
        return
    value = "DEFAULT" if wanted is None else wanted
    # Past Django's cursors, which would ask us again.
    with connection.wrap_database_errors:
        if status != TransactionStatus.IDLE:
            # Time has run on within a transaction: for that one only, for a rollback would undo it unnoticed.
            postgres.execute(f"SET LOCAL statement_timeout = {value}")
            return
        # psycopg begins a transaction with its first statement: this comes before it, and outlives a rollback.
        is_autocommit, postgres.autocommit = postgres.autocommit, True
        postgres.execute(f"SET SESSION statement_timeout = {value}")
        postgres.autocommit = is_autocommit
    _known.on, _known.timeout_ms = postgres, wanted


def _step_ms(remaining_s: float | None) -> int | None:
    """The timeout for a statement that begins now; None for the connection's own, which is the longest."""
    if remaining_s is None:
        return None
    return next((step for step in _STEPS_MS if step >= remaining_s * 1_000), None)
