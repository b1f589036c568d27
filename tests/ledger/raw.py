"""Books and raw SQL against them, as an attacker with psql could run it.

A correct posting is accepted; each attack is a posting with one thing wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from tests.people import deposit, person, wallet_of
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind, Transaction
from wallets.node_leases import snowflake_next

USD = 840
EUR = 978


@dataclass(frozen=True, slots=True)
class WalletRow:
    """A wallet's row after the posting."""

    wallet: int
    balance: int
    version: int


@dataclass(frozen=True, slots=True)
class Row:
    """A transaction's row. `settled` decides whether it has a settlement time."""

    id: int
    kind: str
    amount: int
    source: int | None = None
    destination: int | None = None
    status: str = "posted"
    currency: str = "USD"
    settled: bool = True
    failure: str = ""
    key: str | None = None
    initiator: int | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """An entry's row. `age_s` dates it back by this many seconds."""

    transaction: int
    wallet: int | None
    amount: int
    sequence: int | None = None
    balance: int | None = None
    age_s: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """Ids in the books. Alice has 60 (+100, -40; version 2), Bob 40 (+40; version 1), Charlie nothing.

    One transaction waits, one failed. `new` and `newer` are ids that nobody used.
    """

    alice: int
    bob: int
    charlie: int
    euros: int
    user: int
    deposit: int
    transfer: int
    pending: int
    failed: int
    new: int
    newer: int

    def posting(
        self, *, wallets: Sequence[WalletRow] = (), rows: Sequence[Row] = (), sides: Sequence[Side] = ()
    ) -> str:
        """One statement that updates the wallets and inserts transactions and entries, as `post` does."""
        parts = [
            *([_wallets_sql(wallets)] if wallets else []),
            *([self.rows_sql(rows)] if rows else []),
            *([_sides_sql(sides)] if sides else []),
        ]
        *first, last = parts
        if not first:
            return last
        ctes = ", ".join(f"part{number} AS ({part})" for number, part in enumerate(first))
        return f"WITH {ctes} {last}"

    def deposit_to_bob(self) -> str:
        """A correct posting: a deposit of 50 to Bob."""
        return self.posting(
            wallets=[WalletRow(self.bob, 90, 2)],
            rows=[Row(self.new, "deposit", 50, destination=self.bob)],
            sides=[Side(self.new, USD, -50), Side(self.new, self.bob, 50, 2, 90)],
        )

    def transfer_to_bob(self) -> str:
        """A correct posting: a transfer of 10 from Alice to Bob."""
        return self.posting(
            wallets=[WalletRow(self.alice, 50, 3), WalletRow(self.bob, 50, 2)],
            rows=[Row(self.new, "transfer", 10, self.alice, self.bob)],
            sides=[Side(self.new, self.alice, -10, 3, 50), Side(self.new, self.bob, 10, 2, 50)],
        )

    def rows_sql(self, rows: Sequence[Row]) -> str:
        values = ", ".join(
            f"({r.id}, {_lit(r.kind)}, {_lit(r.status)}, {_lit(r.currency)}, {r.amount}, {_lit(r.source)}, "
            f"{_lit(r.destination)}, '', {r.initiator or self.user}, {_lit(r.key)}, clock_timestamp(), "
            f"{'clock_timestamp()' if r.settled else 'NULL'}, {_lit(r.failure)})"
            for r in rows
        )
        return f"""INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id, destination_id,
            memo, initiator_id, idempotency_key, created_at, settled_at, failure_code) VALUES {values}"""


def _wallets_sql(wallets: Sequence[WalletRow]) -> str:
    values = ", ".join(f"({w.wallet}, {w.balance}, {w.version})" for w in wallets)
    return f"""UPDATE wallets_wallet SET balance = w.balance, version = w.version
        FROM (VALUES {values}) AS w (id, balance, version) WHERE wallets_wallet.id = w.id"""


def _sides_sql(sides: Sequence[Side]) -> str:
    values = ", ".join(
        f"({s.transaction}, {_lit(s.wallet)}, {_lit(s.sequence)}::bigint, {s.amount}, {_lit(s.balance)}::bigint, "
        f"clock_timestamp() - interval '{s.age_s} s')"
        for s in sides
    )
    return f"""INSERT INTO transactions_entry (transaction_id, wallet_id, sequence, amount, balance_after, created_at)
        VALUES {values}"""


def _lit(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Attack:
    """SQL that must be refused, and the name of the rule that refuses it.

    `without` names triggers (table, trigger) that are switched off for the attack, where another guard would be first.
    """

    rule: str
    title: str
    sql: Callable[[Books], str]
    without: Sequence[tuple[str, str]] = ()

    def __str__(self) -> str:
        return f"{self.rule}: {self.title}"


def books_open() -> Books:
    """Creates the books that every attack starts from."""
    alice, bob, charlie = (wallet_of(person(name)) for name in ("alice", "bob", "charlie"))
    assert alice.owner
    assert alice.owner_id
    euros = wallet_of(alice.owner, "EUR")
    deposit(alice, 100)
    sent = Command(
        kind=Kind.TRANSFER,
        amount=40,
        source_id=alice.id,
        destination_id=bob.id,
        initiator_id=alice.owner_id,
        idempotency_key="k-1",
    )
    (outcome,) = post([sent])
    assert outcome.transaction
    ids = [snowflake_next() for _ in range(4)]
    books = Books(
        alice=alice.id,
        bob=bob.id,
        charlie=charlie.id,
        euros=euros.id,
        user=alice.owner_id,
        deposit=Transaction.objects.get(kind=Kind.DEPOSIT).id,
        transfer=outcome.transaction.id,
        pending=ids[0],
        failed=ids[1],
        new=ids[2],
        newer=ids[3],
    )
    waiting = Row(books.pending, "transfer", 5, books.alice, books.bob, status="pending", settled=False)
    failed = Row(books.failed, "transfer", 5, books.alice, books.bob, status="failed", failure="wallet_frozen")
    job = f"INSERT INTO transactions_job (transaction_id, source_id, partition) VALUES ({waiting.id}, {books.alice}, 0)"
    run(f"WITH born AS ({books.rows_sql([waiting, failed])}) {job}")
    return books


def run(sql: str) -> None:
    """Runs SQL without parameters, as psql would, and then checks deferred constraints."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def snapshot() -> list[list[tuple[Any, ...]]]:
    """All rows that the guards protect, to compare before and after."""
    tables = ("wallets_wallet", "transactions_transaction", "transactions_entry", "wallets_walletstatusevent")
    rows = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1")
            rows.append(cursor.fetchall())
    return rows
