"""How a posting is put on record: one SQL statement for heads of wallets, transactions and entries together.

One statement, so that the guards of migration 0002 see the whole posting at once and let nothing less through; and
unnest, so that a thousand commands take the same few round trips as one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from transactions.ledger.arrays import array_literal
from transactions.ledger.commands import Accepted
from transactions.ledger.rules import LockedWallet
from transactions.models import Transaction
from wallets.domain.errors import ErrorCode, WalletError


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """An entry about to be written. Not a model instance: those cost more than everything else that is done here."""

    transaction_id: int
    wallet_id: int
    sequence: int | None
    amount: int
    balance_after: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Part:
    """One piece of the statement: its SQL around `unnest({arrays})`, and the fields with their array types."""

    name: str
    sql: str
    fields: dict[str, str]


#: What is asked for: the columns of a transaction that never change, in their order, with their types.
REQUEST_FIELDS = {
    "id": "bigint",
    "kind": "text",
    "currency": "text",
    "amount": "bigint",
    "source_id": "bigint",
    "destination_id": "bigint",
    "memo": "text",
    "initiator_id": "bigint",
    "idempotency_key": "text",
    "created_at": "timestamptz",
}
_WALLETS = _Part(
    "wallets",
    """UPDATE wallets_wallet AS w SET balance = n.balance, version = n.version, updated_at = n.updated_at
    FROM unnest({arrays}) AS n ({names}) WHERE w.id = n.id""",
    {"id": "bigint", "balance": "bigint", "version": "bigint", "updated_at": "timestamptz"},
)
_NEW = _Part(
    "created",
    "INSERT INTO transactions_transaction ({names}) SELECT * FROM unnest({arrays})",
    {**REQUEST_FIELDS, "status": "text", "settled_at": "timestamptz", "failure_code": "text"},
)
_SETTLED = _Part(
    "settled",
    """UPDATE transactions_transaction AS t
    SET status = s.status, settled_at = s.settled_at, failure_code = s.failure_code
    FROM unnest({arrays}) AS s ({names}) WHERE t.id = s.id""",
    {"id": "bigint", "status": "text", "settled_at": "timestamptz", "failure_code": "text"},
)
_ENTRIES = _Part(
    "entries",
    "INSERT INTO transactions_entry ({names}) SELECT * FROM unnest({arrays})",
    {
        "transaction_id": "bigint",
        "wallet_id": "bigint",
        "sequence": "bigint",
        "amount": "bigint",
        "balance_after": "bigint",
        "created_at": "timestamptz",
    },
)


def posting_record(
    *,
    wallets: Sequence[LockedWallet] = (),
    new: Sequence[Transaction] = (),
    settled: Sequence[Accepted] = (),
    entries: Sequence[EntryRow] = (),
) -> None:
    """Writes the new heads of wallets, new transactions, outcomes of accepted ones, and entries.

    Raises IDEMPOTENCY_IN_PROGRESS where a new transaction's key is held by a request that has not committed yet.
    """
    pieces: list[tuple[_Part, Sequence[object]]] = [
        (_WALLETS, wallets),
        (_NEW, new),
        (_SETTLED, settled),
        (_ENTRIES, entries),
    ]
    present = [(part, rows) for part, rows in pieces if rows]
    if not present:
        return
    sql = "WITH " + ", ".join(f"{part.name} AS ({_sql(part)})" for part, _ in present) + " SELECT"
    columns = [
        array_literal(map(attrgetter(field), rows), of=type_)
        for part, rows in present
        for field, type_ in part.fields.items()
    ]
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql, columns)
        except OperationalError as error:
            # The wallets are locked already, so only a unique idempotency key is left to wait for.
            if isinstance(error.__cause__, LockNotAvailable):
                raise WalletError(ErrorCode.IDEMPOTENCY_IN_PROGRESS, retry_after_s=1) from error
            raise


def _sql(part: _Part) -> str:
    arrays = ", ".join(f"%s::{type_}[]" for type_ in part.fields.values())
    return part.sql.format(arrays=arrays, names=", ".join(part.fields))
