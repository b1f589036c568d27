"""The Snowflake ids of this process: its generator, and the leases of node numbers that Postgres grants.

The leases are stored in Postgres, not in Redis, because a wiped Redis could grant a node number twice.
"""

import os
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from wallets.domain.ids import NODES, NodeSpan, SnowflakeGenerator, clock_ms

#: How long a lease lasts. If a process dies, its node number is free again after this time.
LEASE_MS = 300_000
#: A process whose clock differs from the database's by more than this gets no lease.
CLOCK_SKEW_MAX_MS = 30_000

# Race: two processes lease at the same time. SKIP LOCKED makes them take different rows without waiting. If no row is
# free, this inserts the first row of a node number that was never leased; ON CONFLICT lets one of two inserts win.
_LEASE_SQL = """
WITH free AS (
    SELECT node, until_ms AS since_ms FROM wallets_nodelease
    WHERE until_ms <= %(now_ms)s ORDER BY until_ms LIMIT 1 FOR UPDATE SKIP LOCKED
), renewed AS (
    UPDATE wallets_nodelease AS lease SET until_ms = %(until_ms)s FROM free WHERE lease.node = free.node
    RETURNING lease.node, free.since_ms
), fresh AS (
    INSERT INTO wallets_nodelease (node, until_ms)
    SELECT number, %(until_ms)s FROM generate_series(0, %(nodes)s - 1) AS number
    WHERE NOT EXISTS (SELECT FROM free)
      AND NOT EXISTS (SELECT FROM wallets_nodelease AS taken WHERE taken.node = number)
    ORDER BY random() LIMIT 1
    ON CONFLICT DO NOTHING
    RETURNING node, %(now_ms)s::bigint AS since_ms
)
SELECT node, since_ms FROM renewed UNION ALL SELECT node, since_ms FROM fresh
"""
_CLOCK_SQL = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_TRIES = 20


class LeaseError(RuntimeError):
    """No node number could be leased: all are taken, or this host's clock is wrong."""


def snowflake_next() -> int:
    """The next id of this process: a positive int64, unique everywhere. Raises ClockError or LeaseError."""
    return _generator.next()


def node_lease_take() -> NodeSpan:
    """Leases a node number for LEASE_MS from now, on a database connection of its own.

    The lease must outlive the caller's database transaction. If it were rolled back with it, another process could get
    the same node number while this process goes on using it.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="node-lease") as worker:
        return worker.submit(_take_and_hang_up).result()


def _take_and_hang_up() -> NodeSpan:
    try:
        return _take()
    finally:
        connection.close()


def _take() -> NodeSpan:
    with connection.cursor() as cursor:
        cursor.execute(_CLOCK_SQL)
        skew_ms = clock_ms() - cursor.fetchone()[0]
        if abs(skew_ms) > CLOCK_SKEW_MAX_MS:
            raise LeaseError(f"This host's clock differs from the database's by {skew_ms} ms.")
        for _ in range(_TRIES):
            now_ms = clock_ms()
            until_ms = now_ms + LEASE_MS
            cursor.execute(_LEASE_SQL, {"now_ms": now_ms, "until_ms": until_ms, "nodes": NODES})
            row = cursor.fetchone()
            if row is not None:
                return NodeSpan(node=row[0], since_ms=row[1], until_ms=until_ms)
    raise LeaseError(f"All {NODES} node numbers are leased.")


_generator = SnowflakeGenerator(lease=node_lease_take)


def _start_anew() -> None:
    # A forked child must not use its parent's lease: both would make the same ids.
    global _generator  # noqa: PLW0603 - there is one generator per process
    _generator = SnowflakeGenerator(lease=node_lease_take)


os.register_at_fork(after_in_child=_start_anew)
