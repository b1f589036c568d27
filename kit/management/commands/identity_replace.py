"""Gives the database a new identity, after it was restored from a backup or copied from another installation."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from kit.redis.identity import identity_forget

_OTHERS_SQL = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'wallet' AND pid <> pg_backend_pid()
"""
_REPLACE_SQL = """
INSERT INTO kit_identity DEFAULT VALUES
ON CONFLICT (is_only) DO UPDATE SET id = excluded.id, since = excluded.since
"""


class Command(BaseCommand):
    help = (
        "Gives the database a new identity, so that nothing is read again that was cached before. Run this after you "
        "restored a backup or copied the database, while no process of the site runs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="even if processes of the site seem to run")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        with connection.cursor() as cursor:
            cursor.execute(_OTHERS_SQL)
            [others] = cursor.fetchone() or [0]
            # A process with the old identity and one with the new would not see each other's fences: reads would be
            # stale.
            if others and not options["force"]:
                raise CommandError(f"The site still has {others} connections to this database. Stop its processes.")
            cursor.execute(_REPLACE_SQL)
        identity_forget()
        self.stdout.write("The database has a new identity. Now start the site.")
