"""The rights of the site's Postgres roles: giving them after a migration, and finding those that go too far."""

from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from wallet_project.embedded import BASE_DIR, RUNTIME_ROLE, WEB_ROLE

#: What each role may do with each table.
RIGHTS_SQL = BASE_DIR / "deploy" / "rights.sql"
# By name: what the role of this connection could do beside changing rows through the guards.
_POWERS_SQL = """
WITH things AS (
    SELECT oid, relowner AS owner, true AS is_table FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    UNION ALL
    SELECT oid, proowner, false FROM pg_proc WHERE pronamespace = 'public'::regnamespace
)
SELECT power.words FROM pg_roles AS me, LATERAL (VALUES
    ('is a superuser', me.rolsuper),
    ('can create roles', me.rolcreaterole),
    ('can replicate or bypass row security', me.rolreplication OR me.rolbypassrls),
    ('owns tables or functions', EXISTS (SELECT FROM things WHERE pg_has_role(me.oid, owner, 'MEMBER'))),
    ('can truncate tables or create triggers', EXISTS (
        SELECT FROM things WHERE is_table AND has_table_privilege(me.oid, things.oid, 'TRUNCATE, TRIGGER')
    )),
    ('can create tables and functions', has_schema_privilege(me.oid, 'public', 'CREATE')),
    ('can create schemas', has_database_privilege(me.oid, current_database(), 'CREATE')),
    ('can create temporary tables', has_database_privilege(me.oid, current_database(), 'TEMPORARY')),
    ('can switch triggers off', has_parameter_privilege(me.oid, 'session_replication_role', 'SET')),
    ('can use files and programs of the server', EXISTS (
        SELECT FROM pg_roles AS might
        WHERE might.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
          AND pg_has_role(me.oid, might.oid, 'MEMBER')
    ))
) AS power (words, is_held)
WHERE me.rolname = current_user AND power.is_held
"""


def rights_grant() -> bool:
    """Gives the runtime role and the web role their rights on the tables, which they have in all or in none.

    Returns False if there is nothing to do: the roles do not exist, because one role does everything, or some
    migrations are not applied, so that tables are missing.
    """
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname IN (%s, %s)", [RUNTIME_ROLE, WEB_ROLE])
        if cursor.fetchone()[0] < 2:
            return False
        cursor.execute(RIGHTS_SQL.read_text())
    return True


def role_powers() -> list[str]:
    """What the role of the current connection could do that the site's role must not be able to do."""
    with connection.cursor() as cursor:
        cursor.execute(_POWERS_SQL)
        powers = [words for (words,) in cursor.fetchall()]
    # A superuser can do all of it.
    return powers[:1] if "is a superuser" in powers else powers
