"""Enforces a call's deadline in Postgres: after it, no statement begins, and a running one is cancelled soon."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from psycopg.pq import TransactionStatus

#: The values of statement_timeout. The time left is rounded up to one of these, so that most database transactions set
#: it once.
_STEPS_MS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000)
#: With less time left than this, no statement is begun, because its result would come too late.
_WORTH_BEGINNING_S = 0.005


class DeadlineError(Exception):
    """The call's deadline has passed: the client no longer waits for the answer."""


def deadline_check(deadline_s: float | None) -> None:
    """Raises DeadlineError if the deadline, a value of time.monotonic(), has passed or is less than 5 ms away."""
    if deadline_s is not None and deadline_s - time.monotonic() < _WORTH_BEGINNING_S:
        raise DeadlineError


@contextmanager
def deadline_kept(deadline_s: float | None) -> Iterator[None]:
    """Within this context, a statement that begins after the deadline raises DeadlineError, and Postgres cancels a
    running one soon after the deadline. A commit that has begun is never cancelled. Applies to the current thread.

    Nothing of it outlives the database transaction, whatever becomes of the call: the next call on this connection, and
    behind a pooler the next client, has the usual timeout.
    """
    if deadline_s is None:
        yield
        return
    with connection.execute_wrapper(_Deadline(deadline_s)):
        yield


class _Deadline:
    """Runs statements with a timeout that holds for their own database transaction."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        #: The timeout that the current database transaction has; None if that is unknown.
        self._timeout_ms: int | None = None

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's signature
        deadline_check(self._deadline_s)
        status = connection.connection.info.transaction_status
        if status == TransactionStatus.INERROR or str(sql).startswith("ROLLBACK TO"):
            # A failed database transaction accepts nothing else, and this takes back what was set after the savepoint.
            self._timeout_ms = None
            return execute(sql, params, many, context)
        if status == TransactionStatus.IDLE:
            self._timeout_ms = None
        wanted_ms = _step_ms(self._deadline_s - time.monotonic())
        # No call uses `executemany` or composed SQL. Neither can be sent together with another statement.
        if wanted_ms is None or wanted_ms == self._timeout_ms or many or not isinstance(sql, str):
            return execute(sql, params, many, context)
        # In one message, which costs no round trip. Postgres takes the statements of a message for one transaction, so
        # that the timeout ends with it outside of transactions too, and it times each statement by itself.
        cursor = execute(f"SELECT set_config('statement_timeout', '{wanted_ms}', true); {sql}", params, many, context)
        while cursor.nextset():
            pass
        self._timeout_ms = wanted_ms
        return cursor


def _step_ms(remaining_s: float) -> int | None:
    """The timeout for a statement that begins now; None for the connection's default, which is the longest."""
    return next((step for step in _STEPS_MS if step >= remaining_s * 1_000), None)
