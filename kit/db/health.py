"""Whether the database can do its work: for the start of a process, and for probes."""

from django.db import Error, connection

from kit.db.errors import UnfitDatabaseError

_READ_ONLY_SQL = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"


def database_unfit() -> str:
    """Why the database must not be used (an old Postgres, a pooler that drops timeouts). Empty if it may be used, or is
    away for the moment: then each connection is checked when it is made."""
    # One of its own, so that no connection is left open that a process forked from this one would inherit.
    fresh = connection.copy()
    try:
        fresh.ensure_connection()
    except UnfitDatabaseError as error:
        return str(error)
    except Error:
        return ""
    finally:
        fresh.close()
    return ""


def database_is_read_only() -> bool:
    """Whether Postgres refuses writes: no money can move, although reads work."""
    with connection.cursor() as cursor:
        cursor.execute(_READ_ONLY_SQL)
        (is_read_only,) = cursor.fetchone()
    return bool(is_read_only)
