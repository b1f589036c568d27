"""Runs a block as the migration role, for what changes tables, triggers and functions.

The site's own role may do none of that, so an attacker who makes the site run SQL cannot switch off a guard. Only
management commands call this, outside of any database transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from psycopg.errors import InsufficientPrivilege


class MigrationRoleError(DatabaseError):
    """The role of the connection has no right to do this."""

    def __init__(self) -> None:
        super().__init__(
            "This needs the migration role. Set DATABASE_MIGRATION_URL for this command; docs/deployment.md says how "
            "to create the role."
        )


@contextmanager
def migration_role() -> Iterator[None]:
    """Within this block, this thread's default connection is one of the migration role (DATABASE_MIGRATION_URL).

    Without that setting the block uses the connection as it is, which is right if one role does everything. Raises
    MigrationRoleError if Postgres refuses the block for lack of a right.
    """
    usual = connections[DEFAULT_DB_ALIAS]
    if settings.DATABASE_MIGRATION is None:
        with _refusals_explained():
            yield
        return
    if usual.in_atomic_block:
        raise RuntimeError("The migration role has a connection of its own, which would not see this transaction.")
    connections[DEFAULT_DB_ALIAS] = usual.__class__(
        {**usual.settings_dict, **settings.DATABASE_MIGRATION}, DEFAULT_DB_ALIAS
    )
    try:
        with _refusals_explained():
            yield
    finally:
        connections[DEFAULT_DB_ALIAS].close()
        connections[DEFAULT_DB_ALIAS] = usual


@contextmanager
def _refusals_explained() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, InsufficientPrivilege):
            # Django's error about a missing table of migrations names no cause.
            cause = cause.__cause__ or cause.__context__
        if cause is not None:
            raise MigrationRoleError from error
        raise
