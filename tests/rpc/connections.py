"""Who is connected to the tests' database beside the test itself."""

from django.db import connection


def connected() -> set[int]:
    """The process ids of their backends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'wallet' AND pid <> pg_backend_pid()")
        return {row[0] for row in cursor.fetchall()}
