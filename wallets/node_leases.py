"""Snowflake ids for this process: its generator, and the leases of node numbers that the database grants.

The leases live in Postgres, not in Redis, so that a wiped Redis cannot hand a node number out twice.
"""

import os
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from wallets.domain.ids import NODES, NodeSpan, SnowflakeGenerator, clock_ms

#: How long one lease lasts. A process that dies keeps its node number for no longer than this.
LEASE_MS = 300_000
#: A process whose clock is further than this from the database's gets no lease.
CLOCK_SKEW_MAX_MS = 30_000

# SKIP LOCKED: two processes that lease at once take different nodes instead of waiting for one another. Where no row
# is free, a node number that was never leased gets its first row; ON CONFLICT lets one of two such inserts win.
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
    """No node number could be leased: all are taken, or this host's clock is off."""


def snowflake_next() -> int:
    """The next id of this process: a positive int64, unique everywhere. Raises ClockError or LeaseError."""
    return _generator.next()


def node_lease_take() -> NodeSpan:
    """Leases a node number for LEASE_MS from now, on a connection of its own.

    Of its own, because the lease must outlive the caller's database transaction: were it rolled back with it, the
    next process could be given the very node whose ids this process goes on using.
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
            raise LeaseError(f"This host's clock is {skew_ms} ms off the database's.")
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
    # A forked child must not go on with its parent's lease: both would make the same ids.
    global _generator  # noqa: PLW0603 - one generator for each process is the point
    _generator = SnowflakeGenerator(lease=node_lease_take)


os.register_at_fork(after_in_child=_start_anew)
