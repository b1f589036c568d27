"""Writing a posting: one SQL statement for wallets, transactions and entries together.

It is one statement so that the guards of migration 0002 see the whole posting at once, and refuse an incomplete one.
It uses unnest so that a thousand commands take as few round trips as one.
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
    """An entry to be written. Not a model instance: making those would take longer than the rest of this module."""

    transaction_id: int
    wallet_id: int
    sequence: int | None
    amount: int
    balance_after: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of the statement: its SQL, with `{names}` and `{arrays}` for its fields, and the fields' SQL types."""

    name: str
    sql: str
    fields: dict[str, str]


#: The columns of a transaction that state the request and never change, in their order, with their SQL types.
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
# Only if a wallet with limits is among them, so that the others cost what they did before there were limits.
_WALLETS_COUNTED = _Part(
    "wallets",
    """UPDATE wallets_wallet AS w SET balance = n.balance, version = n.version, updated_at = n.updated_at,
        spent = n.spent, spent_on = n.spent_on
    FROM unnest({arrays}) AS n ({names}) WHERE w.id = n.id""",
    {**_WALLETS.fields, "spent": "bigint", "spent_on": "date"},
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
    """Writes wallets' new balances, new transactions, outcomes of accepted transactions, and entries.

    Raises IDEMPOTENCY_IN_PROGRESS if a request that has not committed yet holds a new transaction's idempotency key
    for longer than the lock timeout.
    """
    parts: list[tuple[_Part, Sequence[object]]] = [
        (_WALLETS_COUNTED if any(wallet.spending for wallet in wallets) else _WALLETS, wallets),
        (_NEW, new),
        (_SETTLED, settled),
        (_ENTRIES, entries),
    ]
    present = [(part, rows) for part, rows in parts if rows]
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
            # The wallets are locked already, so the statement can only have waited for an idempotency key.
            if isinstance(error.__cause__, LockNotAvailable):
                raise WalletError(ErrorCode.IDEMPOTENCY_IN_PROGRESS, retry_after_s=1) from error
            raise


def _sql(part: _Part) -> str:
    arrays = ", ".join(f"%s::{type_}[]" for type_ in part.fields.values())
    return part.sql.format(arrays=arrays, names=", ".join(part.fields))
