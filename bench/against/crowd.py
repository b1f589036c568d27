"""The same people on both sides, written with plain SQL: the tables are an interface that both commits share.

Triggers sleep meanwhile, so the rows are written as the ledger would have written them: each person owns one wallet
and has made one deposit. `manage.py audit_ledger` looks at all of it afterwards.
"""

import base64
import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from bench import interfaces

#: Minor units that each person begins with.
_MONEY = 1_000_000_000
_FIRST_USER, _FIRST_WALLET, _FIRST_DEPOSIT = 1_000_000, 1_000_000_000, 2_000_000_000
#: So many can sign in, and share a password; the others have none.
SIGNING_IN = 10
PASSWORD = "a password of the benchmark"
#: What fills a column that must have a value and is not known here.
_FILLINGS: Mapping[str, object] = {
    "boolean": False,
    "timestamp with time zone": datetime(2000, 1, 1, tzinfo=UTC),
    "jsonb": "{}",
    "character varying": "",
    "text": "",
}


@dataclass(frozen=True, slots=True)
class Holder:
    """A row with an id."""

    pk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """People with money: their names, wallets and API tokens, in the same order."""

    names: Sequence[str]
    wallets: Sequence[Holder]
    tokens: Sequence[str]

    def pair(self, chance: random.Random) -> tuple[int, int]:
        """Two different places in the lists."""
        source, destination = chance.sample(range(len(self.wallets)), 2)
        return source, destination


def crowd_load(url: str, count: int) -> Crowd:
    """Writes the people into the migrated database at `url`."""
    numbers = range(count)
    crowd = Crowd(
        names=[f"person-{n:06}" for n in numbers],
        wallets=[Holder(_FIRST_WALLET + n) for n in numbers],
        tokens=[f"{_FIRST_USER + n:064x}" for n in numbers],
    )
    now = datetime.now(UTC)
    with psycopg.connect(url, options="-c session_replication_role=replica") as connection:
        rows_write(connection, interfaces.USERS, [_user(n, crowd, now) for n in numbers])
        rows_write(connection, interfaces.TOKENS, [_token(n, crowd, now) for n in numbers])
        # A migration may have made the outside wallet.
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE id = %s").format(sql.Identifier(interfaces.WALLET_ROWS)),
            [interfaces.OUTSIDE_WALLET],
        )
        outside = {**_wallet(0, now), "id": interfaces.OUTSIDE_WALLET, "owner_id": None, "balance": 0, "version": 0}
        rows_write(connection, interfaces.WALLET_ROWS, [outside, *(_wallet(n, now) for n in numbers)])
        rows_write(connection, interfaces.TRANSACTIONS, [_deposit(n, now) for n in numbers])
        rows_write(connection, interfaces.ENTRIES, [_entry(n, now, is_outside=True) for n in numbers])
        rows_write(connection, interfaces.ENTRIES, [_entry(n, now, is_outside=False) for n in numbers])
    return crowd


def rows_write(
    connection: psycopg.Connection[tuple[object, ...]], table: str, rows: Sequence[Mapping[str, object]]
) -> None:
    """Inserts the rows, which have the same columns. Other columns get their default or a zero of their type. What the
    table has no column for, in a commit that did not have it yet, is left out."""
    known = connection.execute(
        """SELECT column_name, data_type, is_nullable = 'NO' AND column_default IS NULL
               AND is_identity = 'NO' AND is_generated = 'NEVER' AS is_wanted
           FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = %s""",
        [table],
    ).fetchall()
    filled = {str(name): _FILLINGS.get(str(kind), 0) for name, kind, is_wanted in known if is_wanted}
    names = {str(name) for name, _, _ in known}
    columns = [name for name in dict.fromkeys([*filled, *rows[0]]) if name in names]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            complete = {**filled, **row}
            copy.write_row([complete[column] for column in columns])


def _user(number: int, crowd: Crowd, now: datetime) -> dict[str, object]:
    return {
        "id": _FIRST_USER + number,
        "username": crowd.names[number],
        "email": f"{crowd.names[number]}@example.com",
        "password": _password_hash(PASSWORD) if number < SIGNING_IN else "!",
        "is_active": True,
        "date_joined": now,
    }


def _token(number: int, crowd: Crowd, now: datetime) -> dict[str, object]:
    token = crowd.tokens[number]
    return {
        "digest": hashlib.new(interfaces.TOKEN_HASH, token.encode()).hexdigest(),
        "token_key": token[: interfaces.TOKEN_KEY_LENGTH],
        "user_id": _FIRST_USER + number,
        "created": now,
        "expiry": now + timedelta(days=1),
        "name": "bench",
        "scopes": ["read", "move_money"],
    }


def _wallet(number: int, now: datetime) -> dict[str, object]:
    return {
        "id": _FIRST_WALLET + number,
        "owner_id": _FIRST_USER + number,
        "currency": interfaces.CURRENCY,
        "status": "open",
        "balance": _MONEY,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }


def _deposit(number: int, now: datetime) -> dict[str, object]:
    return {
        "id": _FIRST_DEPOSIT + number,
        "kind": "deposit",
        "status": "posted",
        "currency": interfaces.CURRENCY,
        "amount": _MONEY,
        "destination_id": _FIRST_WALLET + number,
        "initiator_id": _FIRST_USER + number,
        "created_at": now,
        "settled_at": now,
    }


def _entry(number: int, now: datetime, *, is_outside: bool) -> dict[str, object]:
    return {
        "transaction_id": _FIRST_DEPOSIT + number,
        "wallet_id": interfaces.OUTSIDE_WALLET if is_outside else _FIRST_WALLET + number,
        "sequence": None if is_outside else 1,
        "amount": -_MONEY if is_outside else _MONEY,
        "balance_after": None if is_outside else _MONEY,
        "created_at": now,
    }


def _password_hash(password: str) -> str:
    """As Django stores it. The site replaces it by a stronger one at the first sign-in."""
    salt, iterations = "bench", 1_000
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), iterations)
    return f"pbkdf2_sha256${iterations}${salt}${base64.b64encode(digest).decode()}"
