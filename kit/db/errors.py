"""What a database error means: a rule refused the statement, or the database failed."""

from django.db import Error, InterfaceError, InternalError, OperationalError
from psycopg.errors import TransactionTimeout


def constraint_violated(error: Error) -> str:
    """The name of the constraint or guard that refused the statement; empty if none did."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return (diagnostics.constraint_name or "") if diagnostics is not None else ""


def database_gave_up(error: BaseException) -> bool:
    """Whether the database is gone, stuck, or ended something that took too long. A later try may succeed."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, InternalError) and isinstance(error.__cause__, TransactionTimeout)
