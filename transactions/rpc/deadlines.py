"""Enforces a call's deadline in Postgres: after it, no statement begins, and a running one is cancelled soon."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from psycopg.pq import TransactionStatus

#: The values of statement_timeout. The time left is rounded up to one of these, so that a client that always uses the
#: same deadline costs one SET per connection, not one per call.
_STEPS_MS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000)
#: With less time left than this, no statement is begun, because its result would come too late.
_WORTH_BEGINNING_S = 0.005


class DeadlineError(Exception):
    """The call's deadline has passed: the client no longer waits for the answer."""


class _Known(threading.local):
    """The statement_timeout that this thread has set, and the psycopg connection on which it set it."""

    on: object = None
    timeout_ms: int | None = None


_known = _Known()


def deadline_check(deadline_s: float | None) -> None:
    """Raises DeadlineError if the deadline, a value of time.monotonic(), has passed or is less than 5 ms away."""
    if deadline_s is not None and deadline_s - time.monotonic() < _WORTH_BEGINNING_S:
        raise DeadlineError


@contextmanager
def deadline_kept(deadline_s: float | None) -> Iterator[None]:
    """Within this context, a statement that begins after the deadline raises DeadlineError, and Postgres cancels a
    running one soon after the deadline. A commit that has begun is never cancelled. Applies to the current thread."""

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
    # A failed database transaction accepts nothing but ROLLBACK and ROLLBACK TO SAVEPOINT.
    if wanted == known or status == TransactionStatus.INERROR:
        return
    value = "DEFAULT" if wanted is None else wanted
    # Not through a Django cursor, which would call this wrapper again.
    with connection.wrap_database_errors:
        if status != TransactionStatus.IDLE:
            # Inside a database transaction, set it for that one only: a rollback would undo a SESSION setting, and
            # `_known` would be wrong.
            postgres.execute(f"SET LOCAL statement_timeout = {value}")
            return
        # In autocommit mode, so that psycopg does not open a database transaction for it: the setting must survive a
        # rollback.
        is_autocommit, postgres.autocommit = postgres.autocommit, True
        postgres.execute(f"SET SESSION statement_timeout = {value}")
        postgres.autocommit = is_autocommit
    _known.on, _known.timeout_ms = postgres, wanted


def _step_ms(remaining_s: float | None) -> int | None:
    """The timeout for a statement that begins now; None for the connection's default, which is the longest."""
    if remaining_s is None:
        return None
    return next((step for step in _STEPS_MS if step >= remaining_s * 1_000), None)
