"""Which rule of the database an error came from, by its name."""

from django.db import Error


def constraint_violated(error: Error) -> str:
    """The name of the constraint or guard that refused a statement; empty where it was none."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return (diagnostics.constraint_name or "") if diagnostics is not None else ""
