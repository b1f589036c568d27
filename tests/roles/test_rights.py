"""Who may do what with which table. A new table fails here until somebody has decided, in deploy/rights.sql."""

from typing import Any

import pytest
from django.db import connection

from wallet_project.embedded import MIGRATION_ROLE, RUNTIME_ROLE, WEB_ROLE

pytestmark = pytest.mark.django_db

_READ = "SELECT"
_ADD = "SELECT, INSERT"
_ALL = "SELECT, INSERT, UPDATE, DELETE"
_SESSION_UPDATED = "UPDATE (address, data, key_hash, last_seen_at, signed_in_at, user_agent, user_id)"
#: Table → the rights of the runtime role and those of the web role.
RIGHTS = {
    "account_emailaddress": (_ALL, _ALL),
    "account_emailconfirmation": (_ALL, _ALL),
    "auth_group": (_ALL, _READ),
    "auth_group_permissions": (_ALL, _READ),
    "auth_permission": (_READ, _READ),
    "django_admin_log": (_ADD, _ADD),
    "django_content_type": (_READ, _READ),
    "django_migrations": (_READ, _READ),
    # Ours stands in for it.
    "django_session": ("", ""),
    "kit_identity": ("SELECT, INSERT, UPDATE", _READ),
    # Ours stands in for it.
    "knox_authtoken": ("", ""),
    "mfa_authenticator": (_ALL, _ALL),
    # The audit trail keeps its context in its own rows.
    "pghistory_context": ("", ""),
    "notifications_mail": (_ALL, "INSERT, SELECT (id)"),
    "transactions_deadletteraction": (_ADD, ""),
    "transactions_entry": (_ADD, ""),
    "transactions_job": ("SELECT, INSERT, DELETE, UPDATE (attempts, dead_at, last_fault, not_before)", ""),
    "transactions_payout": (
        "SELECT, UPDATE (confirmed_at, reason, reference, returned_by_id, status)",
        "",
    ),
    "transactions_proposal": (
        "SELECT, INSERT, UPDATE (decided_at, decided_by_id, decision, decision_reason, transaction_id)",
        "",
    ),
    "transactions_settledevent": ("SELECT, DELETE", ""),
    "transactions_transaction": ("SELECT, INSERT, UPDATE (failure_code, settled_at, status)", ""),
    "wallets_apitoken": (_ALL, "SELECT, DELETE, UPDATE (name, questioned_at)"),
    "wallets_browsersession": (
        f"SELECT, INSERT, DELETE, {_SESSION_UPDATED}",
        f"SELECT, INSERT, DELETE, {_SESSION_UPDATED}",
    ),
    "wallets_emailchange": (_ALL, _ALL),
    "wallets_guessbudget": (_ALL, "SELECT, INSERT, UPDATE"),
    "wallets_nodelease": ("SELECT, INSERT, UPDATE", ""),
    "wallets_owedwallet": (_ALL, "INSERT"),
    "wallets_securityevent": ("SELECT, INSERT, DELETE", _ADD),
    "wallets_tokenceiling": ("SELECT, UPDATE (day, spent)", _READ),
    "wallets_unevicted": (_ALL, _ALL),
    "wallets_usednonce": ("SELECT, INSERT, DELETE", ""),
    "wallets_user": (
        "SELECT, INSERT, UPDATE",
        f"{_ADD}, UPDATE (display_name, email, first_name, is_active, last_login, last_name, locked_at, password)",
    ),
    "wallets_user_groups": (_ALL, _READ),
    "wallets_user_user_permissions": (_ALL, _READ),
    "wallets_wallet": (
        (
            "SELECT, INSERT, UPDATE (balance, day_limit, next_day_limit, next_limits_at, next_payment_limit, "
            "payment_limit, spent, spent_on, status, step_up_above, updated_at, version)"
        ),
        "",
    ),
    "wallets_walletstatusevent": (_READ, ""),
}
# A right on some columns is listed only if the role does not have it on the whole table.
_RIGHTS_SQL = """
SELECT c.relname, concat_ws(', ',
    (SELECT string_agg(right_, ', ' ORDER BY place)
     FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'])
        WITH ORDINALITY AS whole (right_, place)
     WHERE has_table_privilege(%(role)s, c.oid, right_)),
    (SELECT string_agg(format('%%s (%%s)', right_, columns), ', ' ORDER BY right_) FROM (
        SELECT right_, string_agg(a.attname, ', ' ORDER BY a.attname) AS columns
        FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS part (right_)
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE has_column_privilege(%(role)s, c.oid, a.attnum, right_)
          AND NOT has_table_privilege(%(role)s, c.oid, right_)
        GROUP BY right_
    ) AS parts))
FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
"""


def rows(sql: str, **parameters: str | list[str]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return list(cursor.fetchall())


@pytest.mark.parametrize(("role", "column"), [(RUNTIME_ROLE, 0), (WEB_ROLE, 1)])
def test_a_role_has_exactly_these_rights_on_each_table(role: str, column: int) -> None:
    assert dict(rows(_RIGHTS_SQL, role=role)) == {table: rights[column] for table, rights in RIGHTS.items()}


def test_everybody_else_has_no_rights_on_any_table() -> None:
    granted = rows(
        """SELECT relname, grantee::regrole::text FROM pg_class, aclexplode(relacl)
        WHERE relnamespace = 'public'::regnamespace AND grantee <> relowner"""
    )
    assert {grantee for _, grantee in granted} == {RUNTIME_ROLE, WEB_ROLE}


def test_the_roles_use_no_sequence_themselves() -> None:
    assert (
        rows(
            """SELECT s.oid::regclass::text, role FROM pg_class AS s, unnest(%(roles)s::text[]) AS role
            WHERE s.relnamespace = 'public'::regnamespace AND s.relkind = 'S'
            AND has_sequence_privilege(role, s.oid, 'USAGE, SELECT, UPDATE')""",
            roles=[RUNTIME_ROLE, WEB_ROLE],
        )
        == []
    )


def test_they_call_these_functions_only() -> None:
    callable_ = rows(
        """SELECT proname, role FROM pg_proc, unnest(%(roles)s::text[]) AS role
        WHERE pronamespace = 'public'::regnamespace AND has_function_privilege(role, pg_proc.oid, 'EXECUTE')
        ORDER BY 1, 2""",
        roles=[RUNTIME_ROLE, WEB_ROLE],
    )
    assert callable_ == [
        ("token_issue", RUNTIME_ROLE),
        ("token_issue", WEB_ROLE),
        ("tokens_used", RUNTIME_ROLE),
        ("tokens_used", WEB_ROLE),
        ("wallet_day_limit", RUNTIME_ROLE),
        ("wallet_limits_reduce", RUNTIME_ROLE),
        ("wallet_limits_reduce", WEB_ROLE),
        ("wallet_payment_limit", RUNTIME_ROLE),
    ]


def test_every_function_with_the_owners_rights_has_a_fixed_search_path() -> None:
    functions = dict(rows("SELECT proname, proconfig FROM pg_proc WHERE prosecdef"))
    assert functions.keys() == {
        "funding_payout_open",
        "pgtrigger_status_changed_update_269e7",
        "settled_events_of_entries",
        "settled_events_of_failures",
        "token_issue",
        "tokens_used",
        "wallet_limits_reduce",
    }
    assert {tuple(config or ()) for config in functions.values()} == {("search_path=public, pg_temp",)}


def test_every_table_and_function_belongs_to_the_owner() -> None:
    owners = rows(
        """SELECT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION SELECT proowner::regrole::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"""
    )
    assert owners == [("wallet_owner",)]


@pytest.mark.parametrize("role", [RUNTIME_ROLE, WEB_ROLE])
def test_a_role_can_create_nothing_in_any_schema(role: str) -> None:
    """So nobody can put a table or a function in the place of one of ours, whatever the search_path."""
    assert rows("SELECT nspname FROM pg_namespace WHERE has_schema_privilege(%(role)s, oid, 'CREATE')", role=role) == []
    assert rows("SELECT has_database_privilege(%(role)s, current_database(), 'CREATE, TEMPORARY')", role=role) == [
        (False,)
    ]


def test_no_role_is_privileged_or_a_member_of_another_except_that_the_migration_role_is_the_owner() -> None:
    privileged = rows(
        """SELECT rolname FROM pg_roles WHERE rolname LIKE 'wallet%%' AND (rolsuper OR rolcreaterole OR rolcreatedb
        OR rolreplication OR rolbypassrls OR rolcanlogin = (rolname = 'wallet_owner'))"""
    )
    assert privileged == []
    members = rows(
        """SELECT member::regrole::text, roleid::regrole::text, inherit_option FROM pg_auth_members
        WHERE member::regrole::text LIKE 'wallet%%'"""
    )
    assert members == [(MIGRATION_ROLE, "wallet_owner", False)]
