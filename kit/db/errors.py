"""What a database error means: a rule refused the statement, or the database failed."""

from django.db import Error, InterfaceError, InternalError, OperationalError
from psycopg.errors import IdleInTransactionSessionTimeout, ReadOnlySqlTransaction, TransactionTimeout

# psycopg calls the whole class 25 "internal". These three say nothing about the statement: the database takes no
# writes for now (a standby, a maintenance, a full disk at some providers), or it ended a transaction.
_GAVE_UP = (ReadOnlySqlTransaction, TransactionTimeout, IdleInTransactionSessionTimeout)


class UnfitDatabaseError(OperationalError):
    """The database answers, but must not be used as it is. The message says why, and what to do."""


def constraint_violated(error: Error) -> str:
    """The name of the constraint or guard that refused the statement; empty if none did."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return (diagnostics.constraint_name or "") if diagnostics is not None else ""


def database_gave_up(error: BaseException | None) -> bool:
    """Whether the database is gone, stuck or read-only, or ended something that took too long. A later try may
    succeed."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, InternalError) and isinstance(error.__cause__, _GAVE_UP)
