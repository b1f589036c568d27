"""What the site's role is refused, signed in as a process of the site is."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from tests.people import funded
from tests.servers import role_url
from wallet_project.embedded import RUNTIME_ROLE, WEB_ROLE

pytestmark = pytest.mark.django_db

SWITCHING_GUARDS_OFF = [
    "SET session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', false)",
    "ALTER ROLE wallet_app SET session_replication_role = replica",
    "ALTER TABLE transactions_entry DISABLE TRIGGER entry_append_only",
    "ALTER TABLE transactions_entry DISABLE TRIGGER USER",
    "ALTER TABLE wallets_wallet DISABLE TRIGGER ALL",
    "ALTER TABLE wallets_wallet DROP CONSTRAINT wallet_balance_range",
    "DROP TRIGGER entry_append_only ON transactions_entry",
    "DROP FUNCTION ledger_refuse CASCADE",
    "ALTER FUNCTION ledger_refuse() SET search_path = pg_temp",
    "ALTER FUNCTION token_issue(wallets_apitoken, wallets_tokenceiling[]) SECURITY INVOKER",
    "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TRIGGER aaa BEFORE INSERT ON transactions_entry FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
    "CREATE RULE nothing AS ON INSERT TO wallets_walletstatusevent DO INSTEAD NOTHING",
    "TRUNCATE transactions_entry",
    "TRUNCATE wallets_wallet CASCADE",
    "TRUNCATE wallets_browsersession",
]
FILES_AND_PROGRAMS = [
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY transactions_entry FROM PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/written-by-postgres'",
    "COPY wallets_browsersession FROM '/etc/passwd'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_read_binary_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/written-by-postgres')",
    "ALTER SYSTEM SET fsync = off",
    "SELECT pg_reload_conf()",
    "LOAD 'auto_explain'",
]
DDL = [
    "CREATE TABLE gone (id int)",
    "CREATE TABLE pg_catalog.gone (id int)",
    "CREATE TEMPORARY TABLE transactions_entry (id int)",
    "CREATE SCHEMA attacker",
    "CREATE SCHEMA AUTHORIZATION wallet_app",
    "CREATE VIEW gone AS SELECT 1",
    "CREATE FUNCTION gone() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.gone() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OPERATOR = (LEFTARG = bigint, RIGHTARG = text, FUNCTION = int8eq)",
    "CREATE TYPE gone AS (id int)",
    "CREATE SEQUENCE gone",
    "CREATE EXTENSION pg_trgm",
    "CREATE EVENT TRIGGER gone ON ddl_command_start EXECUTE FUNCTION ledger_refuse()",
    "CREATE INDEX gone ON wallets_wallet (balance)",
    "ALTER TABLE wallets_wallet ADD COLUMN gone int",
    "ALTER TABLE wallets_wallet OWNER TO wallet_app",
    "DROP TABLE transactions_entry",
    "CREATE DATABASE gone",
    "CREATE PUBLICATION gone FOR TABLE wallets_wallet",
]
OTHER_ROLES = [
    "SET ROLE wallet_owner",
    "SET ROLE wallet_migrator",
    "SET SESSION AUTHORIZATION wallet_owner",
    "GRANT wallet_owner TO wallet_app",
    "GRANT pg_execute_server_program TO wallet_app",
    "ALTER ROLE wallet_app SUPERUSER",
    "ALTER ROLE wallet_app CREATEROLE",
    "ALTER ROLE wallet_owner LOGIN",
    "ALTER ROLE wallet_migrator PASSWORD 'mine'",
    "ALTER DEFAULT PRIVILEGES FOR ROLE wallet_owner GRANT ALL ON TABLES TO wallet_app",
    "CREATE ROLE gone",
    "DROP ROLE wallet_web",
    "SELECT * FROM pg_authid",
]
ROWS = [
    "UPDATE django_migrations SET name = 'gone'",
    "DELETE FROM django_migrations",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('wallets', '9999_gone', now())",
    "UPDATE transactions_entry SET amount = 1",
    "DELETE FROM transactions_entry",
    "UPDATE transactions_transaction SET amount = 1",
    "DELETE FROM transactions_transaction",
    "UPDATE wallets_wallet SET owner_id = 1",
    "UPDATE wallets_wallet SET id = id + 1",
    "DELETE FROM wallets_wallet",
    "DELETE FROM wallets_user",
    "UPDATE transactions_job SET source_id = 1",
    "INSERT INTO wallets_walletstatusevent (pgh_obj_id, status) VALUES (1, 'open')",
    "UPDATE wallets_walletstatusevent SET status = 'open'",
    "INSERT INTO transactions_settledevent (transaction_id, wallet_id) VALUES (1, 1)",
    "DELETE FROM transactions_deadletteraction",
    "DELETE FROM wallets_nodelease",
    "SELECT setval('transactions_entry_id_seq', 1)",
]
WEB = [
    "UPDATE wallets_user SET is_staff = true",
    "UPDATE wallets_user SET is_superuser = true",
    "UPDATE wallets_user SET username = 'mallory'",
    "UPDATE wallets_user SET id = id + 1",
    "INSERT INTO wallets_user_groups (user_id, group_id) VALUES (1, 1)",
    "INSERT INTO wallets_user_user_permissions (user_id, permission_id) VALUES (1, 1)",
    "INSERT INTO auth_group (name) VALUES ('mine')",
    "INSERT INTO auth_group_permissions (group_id, permission_id) VALUES (1, 1)",
    "INSERT INTO wallets_apitoken (digest, token_key, user_id, created, name) VALUES ('', '', 1, now(), '')",
    "UPDATE wallets_apitoken SET user_id = 1",
    "UPDATE wallets_apitoken SET expiry = NULL",
    "SELECT * FROM wallets_owedwallet",
    "DELETE FROM wallets_owedwallet",
    "INSERT INTO transactions_job (transaction_id, source_id, partition) VALUES (1, 1, 1)",
    "INSERT INTO transactions_entry (transaction_id) VALUES (1)",
    "SELECT * FROM wallets_wallet",
]


@pytest.fixture
def site(db: None) -> Iterator[psycopg.Connection]:
    with signed_in(RUNTIME_ROLE) as made:
        yield made


@pytest.fixture
def web(db: None) -> Iterator[psycopg.Connection]:
    with signed_in(WEB_ROLE) as made:
        yield made


def signed_in(role: str) -> psycopg.Connection:
    return psycopg.connect(role_url(role, database=connection.settings_dict["NAME"]), autocommit=True)


@pytest.mark.parametrize("sql", [*SWITCHING_GUARDS_OFF, *FILES_AND_PROGRAMS, *DDL, *OTHER_ROLES, *ROWS])
def test_the_runtime_role_is_refused(site: psycopg.Connection, sql: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        site.execute(sql.encode())


@pytest.mark.parametrize("sql", [*SWITCHING_GUARDS_OFF, *FILES_AND_PROGRAMS, *DDL, *OTHER_ROLES, *ROWS, *WEB])
def test_the_web_role_is_refused(web: psycopg.Connection, sql: str) -> None:
    if sql == "ALTER ROLE wallet_app SET session_replication_role = replica":
        sql = sql.replace(RUNTIME_ROLE, WEB_ROLE)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute(sql.encode())


@pytest.mark.django_db(transaction=True)
def test_what_the_role_may_write_is_checked_by_the_guards(site: psycopg.Connection) -> None:
    alice = funded("alice", 100)
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="is not what its last entry says"):
        site.execute("UPDATE wallets_wallet SET balance = 1000000 WHERE owner_id IS NOT NULL")
    with pytest.raises(psycopg.errors.IntegrityError):
        site.execute("INSERT INTO transactions_entry SELECT * FROM transactions_entry")
    alice.refresh_from_db()
    assert (alice.balance, alice.version) == (100, 1)
