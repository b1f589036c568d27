"""Two wallets that have sent one unit to and fro, a thousand times or ten million times.

Written as the ledger would have written it, but with plain SQL and the triggers asleep, because ten million postings
would take longer than anybody wants to wait. The audit looks at all of it afterwards.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg import sql

from bench.people import People
from wallets.domain.currencies import CURRENCIES
from wallets.domain.ids import EPOCH_MS, NODE_BITS, SEQUENCE_BITS

#: What each of the two wallets began with.
MONEY = 1_000_000
#: The time between two transfers.
STEP_MS = 100
_CHUNK = 500_000

# The n-th moment, and the id of what happened then: a Snowflake of that moment, its low bits telling apart the two
# deposits (n = 0) and the pairs of wallets.
_AT = f"to_timestamp((%(began_ms)s + n * {STEP_MS}) / 1000.0)"
_ID = f"((%(began_ms)s - {EPOCH_MS} + n * {STEP_MS}) << {NODE_BITS + SEQUENCE_BITS} | (2 * %(pair)s + {{low}}))"
_DEPOSITS_SQL = f"""
WITH deposit AS (
    SELECT {_ID.format(low="side")} AS id, wallet, owner, {_AT} AS at
    FROM (VALUES (0, %(first)s::bigint, %(first_owner)s::bigint, 0),
                 (1, %(second)s::bigint, %(second_owner)s::bigint, 0)) AS v (side, wallet, owner, n)
), entries AS (
    INSERT INTO transactions_entry (transaction_id, wallet_id, sequence, amount, balance_after, created_at)
    SELECT id, side.* FROM deposit, LATERAL (VALUES
        ({CURRENCIES["USD"].numeric}, NULL, -{MONEY}, NULL, at), (wallet, 1, {MONEY}, {MONEY}, at)) AS side
)
INSERT INTO transactions_transaction (id, kind, status, currency, amount, destination_id, memo, initiator_id,
    created_at, settled_at, failure_code)
SELECT id, 'deposit', 'posted', 'USD', {MONEY}, wallet, '', owner, at, at, '' FROM deposit
"""
# Odd transfers go from the first wallet to the second, even ones back.
_TRANSACTIONS_SQL = f"""
INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id, destination_id, memo,
    initiator_id, created_at, settled_at, failure_code)
SELECT {_ID.format(low="0")}, 'transfer', 'posted', 'USD', 1,
    CASE n %% 2 WHEN 1 THEN %(first)s ELSE %(second)s END, CASE n %% 2 WHEN 1 THEN %(second)s ELSE %(first)s END, '',
    CASE n %% 2 WHEN 1 THEN %(first_owner)s ELSE %(second_owner)s END, {_AT}, {_AT}, ''
FROM generate_series(%(start)s::bigint, %(stop)s::bigint) AS n
"""
_ENTRIES_SQL = f"""
INSERT INTO transactions_entry (transaction_id, wallet_id, sequence, amount, balance_after, created_at)
SELECT {_ID.format(low="0")}, side.wallet, n + 1, side.amount, side.balance, {_AT}
FROM generate_series(%(start)s::bigint, %(stop)s::bigint) AS n, LATERAL (VALUES
    (%(first)s::bigint, n %% 2 * -2 + 1, {MONEY} - n %% 2), (%(second)s::bigint, n %% 2 * 2 - 1, {MONEY} + n %% 2)
) AS side (wallet, amount, balance)
ORDER BY n, side.amount
"""
_HEADS_SQL = """
UPDATE wallets_wallet AS w SET balance = e.balance_after, version = e.sequence, updated_at = e.created_at
FROM transactions_entry AS e WHERE w.id = ANY(%s) AND e.wallet_id = w.id AND e.sequence = %s
"""


def long_history_load(*, url: str, people: People, pair: int, entries: int, began_ms: int) -> None:
    """Gives so many entries to each of the people 2 * pair and 2 * pair + 1, whose wallets are still empty."""
    first, second = people.wallets[2 * pair], people.wallets[2 * pair + 1]
    known: dict[str, object] = {
        "first": first.pk,
        "second": second.pk,
        "first_owner": first.owner_id,
        "second_owner": second.owner_id,
        "pair": pair,
        "began_ms": began_ms,
    }

    def write(statement: str) -> None:
        with _replica(url) as connection:
            for start in range(1, entries, _CHUNK):
                stop = min(start + _CHUNK, entries) - 1
                connection.execute(statement, {**known, "start": start, "stop": stop})

    with _replica(url) as connection:
        connection.execute(_DEPOSITS_SQL, known)
    _both(lambda: write(_TRANSACTIONS_SQL), lambda: write(_ENTRIES_SQL))
    with _replica(url) as connection:
        connection.execute(_HEADS_SQL, [[first.pk, second.pk], entries])


def tables_vacuum(*, url: str) -> None:
    """So that no first reader has to tidy up after the writing."""

    def vacuum(table: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(table)))

    _both(lambda: vacuum("transactions_transaction"), lambda: vacuum("transactions_entry"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _replica(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection for which no trigger fires, as for one that replays what was checked elsewhere."""
    return psycopg.connect(url, autocommit=True, options="-c session_replication_role=replica -c work_mem=64MB")


def _both(one: Callable[[], None], other: Callable[[], None]) -> None:
    """Both at once, for there are two processors at least."""
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(one), pool.submit(other)]:
            done.result()
