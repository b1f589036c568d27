"""A backlog of any size, made in SQL: pending transfers and their jobs, past every guard of the tables."""

from collections.abc import Sequence

from django.db import connection

from transactions.ledger.arrays import array_literal
from transactions.settlement.partitions import partition_of
from wallets.models import Wallet

_CHUNK = 20_000
# Every second transfer comes from the first sender, so that one wallet has a backlog of its own.
_ACCEPT_SQL = """
WITH sender AS MATERIALIZED (
    SELECT * FROM unnest(%(ids)s::bigint[], %(owners)s::bigint[], %(partitions)s::smallint[])
    WITH ORDINALITY AS sender (id, owner_id, partition, place)
), accepted AS (
    INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id, destination_id, memo,
        initiator_id, created_at, failure_code)
    SELECT %(first_id)s::bigint + number, 'transfer', 'pending', 'USD', 1, sender.id, %(destination)s, '',
        sender.owner_id, now(), ''
    FROM generate_series(%(low)s::int, %(high)s::int - 1) AS number
    JOIN sender ON sender.place = CASE WHEN number %% 2 = 0 THEN 1 ELSE 1 + number / 2 %% %(senders)s END
    RETURNING id, source_id
)
INSERT INTO transactions_job (transaction_id, source_id, partition)
SELECT accepted.id, accepted.source_id, sender.partition
FROM accepted JOIN sender ON sender.id = accepted.source_id ORDER BY accepted.id
"""
# Of a wallet's transfers, none may have settled while an earlier one has not.
_OVERTAKEN_SQL = """
SELECT source_id FROM transactions_transaction WHERE kind = 'transfer' GROUP BY source_id
HAVING max(id) FILTER (WHERE status <> 'pending') > min(id) FILTER (WHERE status = 'pending')
"""


def backlog_make(*, senders: Sequence[Wallet], destination: Wallet, first_id: int, count: int) -> None:
    """Accepts `count` transfers of one minor unit each, with ids from `first_id` on."""
    fixed: dict[str, int | str] = {
        "ids": array_literal((wallet.id for wallet in senders), of="bigint"),
        "owners": array_literal((wallet.owner_id for wallet in senders), of="bigint"),
        "partitions": array_literal((partition_of(wallet.id) for wallet in senders), of="smallint"),
        "senders": len(senders),
        "destination": destination.id,
        "first_id": first_id,
    }
    with connection.cursor() as cursor:
        for low in range(0, count, _CHUNK):
            cursor.execute(_ACCEPT_SQL, {**fixed, "low": low, "high": min(low + _CHUNK, count)})


def overtaken() -> list[int]:
    """The wallets of which a transfer has settled before an earlier one."""
    with connection.cursor() as cursor:
        cursor.execute(_OVERTAKEN_SQL)
        return [row[0] for row in cursor.fetchall()]
