"""`manage.py migrate`: Django's command, run as the migration role; then every role gets its rights on the tables."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate

from kit.db.migration_role import MigrationRoleError, migration_role
from wallet_project.rights import rights_grant


class Command(migrate.Command):
    """Brings the tables up to date, and the rights that the site's roles have on them."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with migration_role():
                super().handle(*args, **options)
                if not (options["plan"] or options["check_unapplied"]):
                    rights_grant()
        except MigrationRoleError as error:
            raise CommandError(str(error)) from error
