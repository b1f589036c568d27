"""Creating the roles on a new server, on one of an earlier release, and where nobody is a superuser."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from devtools.folder_lock import folder_locked
from devtools.servers import ROLES_SQL, database_make, directories_make, postgres_server
from wallet_project.embedded import BASE_DIR, MIGRATION_ROLE, RUNTIME_ROLE, SUPERUSER, WEB_ROLE, Places
from wallet_project.rights import RIGHTS_SQL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

_NOT_OURS_SQL = """
SELECT oid::regclass::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relowner <> 'wallet_owner'::regrole
UNION ALL
SELECT oid::regprocedure::text FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proowner <> 'wallet_owner'::regrole
"""


@pytest.fixture
def places() -> Iterator[Places]:
    """A server of its own: roles belong to a server, not to a database."""
    with tempfile.TemporaryDirectory(prefix="wallet-tests-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o711)
        places = Places(Path(root))
        with folder_locked(places.lock):
            directories_make(places)
            server = postgres_server(places, durable=False)
            server.start()
            yield places
            server.stop()


def connect(places: Places, role: str, *, database: str = "wallet") -> psycopg.Connection:
    return psycopg.connect(places.database_url(database, role=role), autocommit=True)


def manage(places: Places, *arguments: str, role: str, migration: str = "") -> "subprocess.CompletedProcess[str]":
    """Runs a command of manage.py with these roles."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "wallet_project.settings",
            "DATABASE_URL": places.database_url(role=role),
            "DATABASE_MIGRATION_URL": migration and places.database_url(role=migration),
            "SECRET_KEY": "kX9-uT3vQw7yZ1aB5cD8eF0gH2iJ4kL6mN-oP1qR3sT5uV7wX9yZ",
            "ALLOWED_HOSTS": "wallet.example",
            "HTTPS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def migrate(places: Places, *, role: str, migration: str = "") -> None:
    done = manage(places, "migrate", "--verbosity", "0", role=role, migration=migration)
    assert done.returncode == 0, done.stderr


def assert_installed(places: Places) -> None:
    """Everything belongs to the owner, and the site runs under its role, which has no power beside its rights."""
    with connect(places, RUNTIME_ROLE) as site:
        assert site.execute(_NOT_OURS_SQL.encode()).fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            site.execute("ALTER TABLE transactions_entry DISABLE TRIGGER USER")
    for role in (RUNTIME_ROLE, WEB_ROLE):
        checked = manage(places, "check", "--deploy", role=role)
        assert "wallet.E050" not in checked.stderr
        assert "wallet.W050" not in checked.stderr
    registered = manage(places, "demo", "--force", role=RUNTIME_ROLE)
    assert registered.returncode == 0, registered.stderr
    audited = manage(places, "audit_ledger", role=RUNTIME_ROLE)
    assert audited.returncode == 0, audited.stderr


def test_a_database_of_an_earlier_release_gets_the_roles(places: Places) -> None:
    """There, everything belongs to the superuser, as whom the site ran."""
    database_make(places, roles=Path("/there/is/none"))
    migrate(places, role=SUPERUSER)
    checked = manage(places, "check", "--deploy", role=SUPERUSER)
    assert "The role of DATABASE_URL is a superuser." in checked.stderr
    with connect(places, SUPERUSER) as superuser:
        superuser.execute("CREATE TABLE kept AS SELECT 'before' AS note; CREATE VIEW shown AS SELECT * FROM kept")

    for _ in range(2):
        database_make(places)
        migrate(places, role=RUNTIME_ROLE, migration=MIGRATION_ROLE)

    assert_installed(places)
    with connect(places, RUNTIME_ROLE) as site, pytest.raises(psycopg.errors.InsufficientPrivilege):
        site.execute("SELECT * FROM kept")
    with connect(places, SUPERUSER) as superuser:
        assert superuser.execute("SELECT note FROM shown").fetchone() == ("before",)


def test_it_needs_no_superuser_on_managed_postgres(places: Places) -> None:
    """The provider's role may create roles and owns the database; an earlier release did everything as that role."""
    with connect(places, SUPERUSER, database="postgres") as provider:
        provider.execute("CREATE ROLE dba LOGIN CREATEROLE CREATEDB")
    with connect(places, "dba", database="postgres") as dba:
        dba.execute("CREATE DATABASE wallet")
    migrate(places, role="dba")
    checked = manage(places, "check", "--deploy", role="dba")
    assert "The role of DATABASE_URL owns tables or functions." in checked.stderr

    for _ in range(2):
        with connect(places, "dba") as dba, dba.transaction():
            dba.execute(ROLES_SQL.read_bytes())
        migrate(places, role=RUNTIME_ROLE, migration=MIGRATION_ROLE)

    assert_installed(places)


def test_rights_can_be_given_with_psql_as_well(places: Places) -> None:
    database_make(places)
    migrate(places, role=RUNTIME_ROLE, migration=MIGRATION_ROLE)
    with connect(places, MIGRATION_ROLE) as migrator:
        migrator.execute("GRANT TRUNCATE ON transactions_entry TO wallet_app")
        checked = manage(places, "check", "--deploy", role=RUNTIME_ROLE)
        assert "The role of DATABASE_URL can truncate tables or create triggers." in checked.stderr

        migrator.execute(RIGHTS_SQL.read_bytes())

    assert_installed(places)


def test_a_role_that_exists_and_is_too_powerful_is_refused(places: Places) -> None:
    database_make(places, roles=Path("/there/is/none"))
    with connect(places, SUPERUSER) as superuser:
        superuser.execute("CREATE ROLE wallet_app SUPERUSER LOGIN")
        with pytest.raises(psycopg.errors.RaiseException, match="wallet_app exists and has more rights"):
            superuser.execute(ROLES_SQL.read_bytes())


def test_commands_that_need_the_migration_role_say_so(places: Places) -> None:
    database_make(places)
    unmigrated = manage(places, "migrate", role=RUNTIME_ROLE)
    assert unmigrated.returncode == 1
    assert "Set DATABASE_MIGRATION_URL" in unmigrated.stderr
    migrate(places, role=RUNTIME_ROLE, migration=MIGRATION_ROLE)

    refused = manage(places, "settled_events", "on", role=RUNTIME_ROLE)
    assert refused.returncode == 1
    assert "Set DATABASE_MIGRATION_URL" in refused.stderr
    for switched in ("on", "off"):
        done = manage(places, "settled_events", switched, role=RUNTIME_ROLE, migration=MIGRATION_ROLE)
        assert done.stdout == f"Events are {switched} now.\n", done.stderr
