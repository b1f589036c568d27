"""The tests' database and its roles. Tests act as the site's runtime role, and as another one where they say so.

Django's connection signs in as the superuser and takes on the runtime role's rights for its whole session. Postgres
checks rights as if that role had signed in; but a test can act as another role for a while, in the middle of a database
transaction. Processes that the tests start sign in as the runtime role itself.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from devtools.servers import ROLES_SQL
from tests.servers import ROLE_PASSWORD, SUPERUSER_URL
from wallet_project.embedded import MIGRATION_ROLE, RUNTIME_ROLE, WEB_ROLE

OWNER = "wallet_owner"


def superuser_conninfo(database: str) -> str:
    """How to connect to a database of the tests' Postgres as its superuser."""
    return make_conninfo(os.environ[SUPERUSER_URL], dbname=database)


def superuser_url() -> str:
    """The URL of the tests' database, with the superuser."""
    return urlsplit(os.environ[SUPERUSER_URL])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def superuser_name() -> str:
    return unquote(urlsplit(os.environ[SUPERUSER_URL]).username or "")


def database_create(name: str) -> None:
    """Creates an empty database with the site's roles, which other databases of the server may share."""
    with psycopg.connect(superuser_conninfo("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    with psycopg.connect(superuser_conninfo(name)) as database:
        database.execute(ROLES_SQL.read_bytes())
        for role in (MIGRATION_ROLE, RUNTIME_ROLE, WEB_ROLE):
            database.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(ROLE_PASSWORD))
            )


def database_drop(name: str) -> None:
    with psycopg.connect(superuser_conninfo("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def database_of_the_tests(name: str) -> Iterator[None]:
    """Creates the tests' database, migrates it as the migration role, and points Django's connections to it."""
    database_create(name)
    assert settings.DATABASE_MIGRATION is not None
    # The dictionary that connections of other threads are made from is the same one.
    connection.settings_dict["NAME"] = settings.DATABASE_MIGRATION["NAME"] = name
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseWrapper, "get_connection_params", _parameters_of(DatabaseWrapper.get_connection_params))
        call_command("migrate", verbosity=0)
        try:
            yield
        finally:
            connection.close()
            database_drop(name)


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """Within this block, Django's connection of this thread has the rights of another role."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION AUTHORIZATION {connection.ops.quote_name(role)}")
    try:
        yield
    finally:
        # In a failed database transaction this is not possible, and not needed: its rollback restores the role.
        if connection.connection is not None and not (
            connection.needs_rollback or connection.connection.info.transaction_status == TransactionStatus.INERROR
        ):
            with connection.cursor() as cursor:
                cursor.execute(f"SET SESSION AUTHORIZATION {RUNTIME_ROLE}")


def acting_as_owner() -> AbstractContextManager[None]:
    """Within this block, Django's connection of this thread has the rights of the tables' owner, for DDL."""
    return acting_as(OWNER)


def acting_as_superuser() -> AbstractContextManager[None]:
    """Within this block, Django's connection of this thread has the superuser's rights, to get around the guards."""
    return acting_as(superuser_name())


def _parameters_of(usual: Any) -> Any:
    def parameters(self: DatabaseWrapper) -> dict[str, Any]:
        """Signs in as the superuser in place of the runtime role, and takes on its rights at once."""
        found: dict[str, Any] = usual(self)
        known = psycopg.conninfo.conninfo_to_dict(os.environ[SUPERUSER_URL])
        # Some tests have a Postgres of their own, at which the role signs in itself.
        if found.get("user") == RUNTIME_ROLE and found.get("host") == known.get("host"):
            found |= {"user": known["user"], "password": known.get("password")}
            found["options"] += f" -c session_authorization={RUNTIME_ROLE}"
        return found

    return parameters
