"""The guards of the database refuse attacks with raw SQL."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, transaction

from tests.database import acting_as, acting_as_superuser
from tests.ledger.attacks_chain import CHAIN_ATTACKS
from tests.ledger.attacks_entries import ENTRY_ATTACKS
from tests.ledger.attacks_limits import LIMIT_ATTACKS
from tests.ledger.attacks_sessions import SESSION_ATTACKS
from tests.ledger.attacks_transactions import TRANSACTION_ATTACKS
from tests.ledger.attacks_wallets import WALLET_ATTACKS
from tests.ledger.raw import USD, Attack, Books, Row, Side, WalletRow, books_open, run, snapshot
from wallet_project.embedded import RUNTIME_ROLE

ATTACKS = [
    *ENTRY_ATTACKS,
    *CHAIN_ATTACKS,
    *TRANSACTION_ATTACKS,
    *WALLET_ATTACKS,
    *LIMIT_ATTACKS,
    *SESSION_ATTACKS,
]
# tests/settlement/test_guards.py attacks the job table.
TABLES = (
    "transactions_entry",
    "transactions_transaction",
    "wallets_browsersession",
    "wallets_nodelease",
    "wallets_user",
    "wallets_wallet",
    "wallets_walletstatusevent",
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def books(db: None) -> Iterator[Books]:
    """The test acts as a superuser, whom the guards refuse as well."""
    books = books_open()
    with acting_as_superuser():
        yield books


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def refused_by(books: Books, attack: Attack) -> str:
    """The name of the rule that refuses the attack; empty if nothing refuses it."""
    try:
        with undone():
            for table, trigger in attack.without:
                run(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
            run(attack.sql(books))
    except DatabaseError as error:
        diagnostics = getattr(error.__cause__, "diag", None)
        # The triggers of django-pgtrigger name no constraint, but the error's context names their function.
        named = re.search(r"function (pgtrigger_\w+)\(", getattr(diagnostics, "context", None) or "")
        return str(getattr(diagnostics, "constraint_name", None) or (named and named[1]) or error)
    return ""


@pytest.mark.parametrize("rule", sorted({attack.rule for attack in ATTACKS}))
def test_the_database_enforces_the_rule(books: Books, rule: str) -> None:
    before = snapshot()
    attacks = [attack for attack in ATTACKS if attack.rule == rule]
    assert {attack.title: refused_by(books, attack) for attack in attacks} == {attack.title: rule for attack in attacks}
    assert snapshot() == before


@pytest.mark.parametrize("rule", sorted({attack.rule for attack in ATTACKS}))
def test_the_sites_role_is_refused_by_the_guard_or_has_no_right_at_all(books: Books, rule: str) -> None:
    before = snapshot()
    with acting_as(RUNTIME_ROLE):
        refusals = {attack.title: refused_by(books, attack) for attack in ATTACKS if attack.rule == rule}
    assert {
        title: by
        for title, by in refusals.items()
        if by != rule and not by.startswith(("permission denied", "must be"))
    } == {}
    assert snapshot() == before


def test_the_sites_role_can_post(books: Books) -> None:
    with acting_as(RUNTIME_ROLE), undone():
        run(books.transfer_to_bob())


def test_correct_postings_are_accepted(books: Books) -> None:
    """These are the statements that the attacks are variants of."""
    for sql in (
        books.deposit_to_bob(),
        books.transfer_to_bob(),
        books.posting(
            wallets=[WalletRow(books.alice, 50, 3)],
            rows=[Row(books.new, "withdrawal", 10, books.alice)],
            sides=[Side(books.new, books.alice, -10, 3, 50), Side(books.new, USD, 10)],
        ),
        f"""WITH settled AS (UPDATE transactions_transaction SET status = 'posted', settled_at = now()
            WHERE id = {books.pending}) """
        + books.posting(
            wallets=[WalletRow(books.alice, 55, 3), WalletRow(books.bob, 45, 2)],
            sides=[Side(books.pending, books.alice, -5, 3, 55), Side(books.pending, books.bob, 5, 2, 45)],
        ).replace("WITH", ",", 1),
        f"""UPDATE transactions_transaction SET status = 'failed', settled_at = now(), failure_code = 'wallet_frozen'
            WHERE id = {books.pending}""",
        f"UPDATE wallets_wallet SET status = 'frozen' WHERE id = {books.alice}",
        f"UPDATE wallets_wallet SET status = 'closed' WHERE id = {books.charlie}",
    ):
        with undone():
            run(sql)


def test_every_rule_of_the_database_has_an_attack() -> None:
    assert {attack.rule for attack in ATTACKS} == _rules()


def test_every_trigger_is_needed(books: Books) -> None:
    """Without the trigger, an attack passes, or another guard refuses it later."""
    idle = [trigger for table, trigger in _triggers() if not _misses(books, table, trigger)]
    # It refuses nothing; tests/funding proves what it writes.
    assert idle == ["transaction_withdrawal_opens_payout"]


def test_every_trigger_is_switched_on() -> None:
    with connection.cursor() as cursor:
        # The triggers of settled events are no guards. A test that ran before may have left them switched off.
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'O' AND NOT starts_with(tgname, 'settled_event')"
        )
        assert cursor.fetchall() == []


@pytest.mark.parametrize(
    "setting",
    ["SET LOCAL pgtrigger.ignore = '{%s}'", "SET LOCAL search_path = pg_catalog", "SET CONSTRAINTS ALL DEFERRED"],
)
def test_no_session_setting_disables_the_guards(books: Books, setting: str) -> None:
    every = ",".join(trigger for _, trigger in _triggers())
    unqualified = re.compile(
        r"(?<![.\w])(wallets_(?:wallet|user|walletstatusevent|browsersession)|transactions_(?:transaction|entry))(?![.\w])"
    )
    attacks = [attack for attack in ATTACKS if attack.rule in _guard_rules() and not attack.without]
    assert len(attacks) > 50
    for attack in attacks:
        sql = unqualified.sub(r"public.\1", attack.sql(books))
        muted = Attack(attack.rule, attack.title, lambda b, sql=sql: f"{setting.replace('%s', every)}; {sql}")  # type: ignore[misc]
        assert refused_by(books, muted) == attack.rule, str(attack)


def test_a_temporary_table_cannot_fool_the_guards(books: Books) -> None:
    """The guards read the real tables, even if a session hides them behind temporary ones."""
    with undone():
        run(
            "CREATE TEMP TABLE transactions_entry (LIKE public.transactions_entry);"
            "CREATE TEMP TABLE transactions_transaction (LIKE public.transactions_transaction);"
            "CREATE TEMP TABLE wallets_wallet (LIKE public.wallets_wallet);"
            "INSERT INTO wallets_wallet SELECT * FROM public.wallets_wallet;"
            f"INSERT INTO transactions_entry VALUES (0, 3, 940, 1000, now(), {books.new}, {books.alice});"
            "SET LOCAL search_path = pg_temp, public"
        )
        gift = f"UPDATE public.wallets_wallet SET balance = 1000, version = 3 WHERE id = {books.alice}"
        assert refused_by(books, Attack("", "", lambda b: gift)) == "wallet_balance_is_last_entry"
        posted = books.rows_sql([Row(books.new, "deposit", 940, destination=books.alice)])
        born = posted.replace("INTO transactions_transaction", "INTO public.transactions_transaction")
        assert refused_by(books, Attack("", "", lambda b: born)) == "transaction_posted_has_entries"


def test_a_temporary_table_cannot_take_a_change_of_status_off_the_record(books: Books) -> None:
    run(
        "CREATE TABLE pg_temp.wallets_walletstatusevent (LIKE public.wallets_walletstatusevent INCLUDING ALL);"
        f"SET LOCAL search_path = pg_temp, public; UPDATE wallets_wallet SET status = 'frozen' WHERE id = {books.alice}"
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pgh_obj_id, status FROM public.wallets_walletstatusevent")
        assert cursor.fetchall() == [(books.alice, "frozen")]


def test_a_change_of_status_with_psql_is_recorded(books: Books) -> None:
    run(f"UPDATE wallets_wallet SET status = 'frozen' WHERE id = {books.alice}")
    run(f"UPDATE wallets_wallet SET status = 'frozen', updated_at = now() WHERE id = {books.alice}")
    run(f"UPDATE wallets_wallet SET status = 'open' WHERE id = {books.alice}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pgh_obj_id, status, pgh_context FROM wallets_walletstatusevent ORDER BY pgh_id")
        assert cursor.fetchall() == [(books.alice, "frozen", None), (books.alice, "open", None)]


def test_only_these_columns_may_be_null() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT table_name || '.' || column_name FROM information_schema.columns
            WHERE table_name = ANY(%s) AND is_nullable = 'YES'""",
            [list(TABLES)],
        )
        assert {name for (name,) in cursor.fetchall()} == {
            "transactions_entry.balance_after",
            "transactions_entry.sequence",
            "transactions_transaction.destination_id",
            "transactions_transaction.idempotency_key",
            "transactions_transaction.settled_at",
            "transactions_transaction.source_id",
            "wallets_browsersession.address",
            "wallets_browsersession.signed_in_at",
            "wallets_browsersession.user_id",
            "wallets_user.email",
            "wallets_user.last_login",
            "wallets_user.locked_at",
            "wallets_user.skeleton",
            "wallets_wallet.day_limit",
            "wallets_wallet.next_day_limit",
            "wallets_wallet.next_limits_at",
            "wallets_wallet.next_payment_limit",
            "wallets_wallet.owner_id",
            "wallets_wallet.payment_limit",
            "wallets_wallet.reduced_day_limit",
            "wallets_wallet.reduced_until",
            "wallets_wallet.spent",
            "wallets_wallet.spent_on",
            "wallets_wallet.step_up_above",
            "wallets_walletstatusevent.pgh_context",
            "wallets_walletstatusevent.pgh_context_id",
        }


def _misses(books: Books, table: str, trigger: str) -> bool:
    with undone():
        run(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        return any(refused_by(books, attack) != attack.rule for attack in ATTACKS)


def _triggers() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT tgrelid::regclass::text, tgname FROM pg_trigger
            WHERE NOT tgisinternal AND NOT starts_with(tgname, 'settled_event') AND tgrelid::regclass::text = ANY(%s)
            ORDER BY 1, 2""",
            [list(TABLES)],
        )
        return [(table, trigger) for table, trigger in cursor.fetchall()]


def _guard_rules() -> set[str]:
    """The rule names in the errors of the guards' functions: literal ones, and names of triggers."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT prosrc FROM pg_proc JOIN pg_trigger ON tgfoid = pg_proc.oid
            WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY(%s)""",
            [list(TABLES)],
        )
        sources = [source for (source,) in cursor.fetchall()]
        cursor.execute(
            """SELECT tgname FROM pg_trigger JOIN pg_proc ON tgfoid = pg_proc.oid
            WHERE NOT tgisinternal AND prosrc LIKE '%%CONSTRAINT = TG_NAME%%' AND tgrelid::regclass::text = ANY(%s)""",
            [list(TABLES)],
        )
        named_as_triggers = {name for (name,) in cursor.fetchall()}
    return named_as_triggers | {name for source in sources for name in re.findall(r"CONSTRAINT = '(\w+)'", source)}


def _rules() -> set[str]:
    """The names of all constraints, unique indexes, guards and other refusing triggers on our tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT conname FROM pg_constraint WHERE conrelid::regclass::text = ANY(%(tables)s) AND contype <> 'n'
            UNION SELECT indexrelid::regclass::text FROM pg_index
                WHERE indisunique AND indrelid::regclass::text = ANY(%(tables)s)
            UNION SELECT tgname FROM pg_trigger JOIN pg_proc ON tgfoid = pg_proc.oid
                WHERE prosrc LIKE '%%RAISE EXCEPTION ''pgtrigger%%'""",
            {"tables": list(TABLES)},
        )
        return {name for (name,) in cursor.fetchall()} | _guard_rules()
