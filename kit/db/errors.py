"""What an error of the database means: which rule refused, or that it was no rule at all."""

from django.db import Error, InterfaceError, InternalError, OperationalError
from psycopg.errors import TransactionTimeout


def constraint_violated(error: Error) -> str:
    """The name of the constraint or guard that refused a statement; empty where it was none."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return (diagnostics.constraint_name or "") if diagnostics is not None else ""


def database_gave_up(error: BaseException) -> bool:
    """Whether the database is gone, or stuck, or has cut off what took too long: a later try may succeed."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, InternalError) and isinstance(error.__cause__, TransactionTimeout)
