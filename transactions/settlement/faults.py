"""What a fault says: whose it is, and how it is put on record.

A *refusal* (too little money, a frozen wallet) is an outcome and no fault. A fault is anything that keeps a batch from
being posted. It belongs to one job, to a moment, or to everybody.
"""

import psycopg
from django.db import InterfaceError
from psycopg.errors import QueryCanceled

from wallets.domain.errors import WalletError
from wallets.domain.ids import ClockError
from wallets.node_leases import LeaseError

FAULT_LENGTH_MAX = 2_000
# The classes of SQLSTATE that no single job can cause: the connection, a standby, a schema of another release, missing
# rights, full disks and memory, an operator at work, the system.
_SHARED_SQLSTATES = ("08", "25", "42", "53", "57", "58")


def fault_is_shared(error: Exception) -> bool:
    """Whether the database or the clock is at fault rather than a job. Such faults are charged to no job."""
    if isinstance(error, ClockError | LeaseError | InterfaceError):
        return True
    cause = error.__cause__
    # A statement that took too long was cancelled; a smaller batch may be fast enough.
    if not isinstance(cause, psycopg.Error) or isinstance(cause, QueryCanceled):
        return False
    if cause.sqlstate is None:
        # Not from the server: either it is out of reach, or the job's own data could not even be sent.
        return isinstance(cause, psycopg.OperationalError)
    return cause.sqlstate.startswith(_SHARED_SQLSTATES)


def fault_is_passing(error: Exception) -> bool:
    """Whether the fault says nothing about the job: somebody else held one of its rows for too long."""
    return isinstance(error, WalletError) and error.retryable


def fault_text(error: Exception) -> str:
    """The fault in words that Postgres can store, whatever bytes a request has put into them."""
    text = f"{type(error).__name__}: {error}".replace("\0", "\\0").strip()
    return text.encode("utf-8", errors="backslashreplace").decode()[:FAULT_LENGTH_MAX]
