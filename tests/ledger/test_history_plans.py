"""A history page costs the same at any depth: the query plans on tables that are large enough for indexes."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.database import acting_as_superuser
from tests.people import person, wallet_of
from transactions.models import Entry, Kind
from transactions.selectors import HistoryQuery, _cursor, entry_page, sequence_at
from wallets.domain.limits import HISTORY_LIMIT
from wallets.models import Wallet

pytestmark = pytest.mark.django_db

ENTRIES = 20_000

# Consistent books, written without the guards, which would check every row. Only reading is measured.
_FILL_SQL = """
SET LOCAL session_replication_role = replica;
INSERT INTO wallets_user (id, password, is_superuser, first_name, last_name, is_staff, is_active, date_joined, username,
    email)
SELECT 1000000 + n, '', false, '', '', false, true, now(), 'u' || n, 'u' || n || '@example.org'
FROM generate_series(1, 5000) AS n;
INSERT INTO wallets_wallet (id, owner_id, currency, status)
SELECT 1000000 + n, 1000000 + n, 'USD', 'open' FROM generate_series(1, 5000) AS n;
INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id, destination_id, memo, initiator_id,
    created_at, settled_at, failure_code)
SELECT 1000000 + n, 'transfer', 'posted', 'USD', 1,
    CASE WHEN n %% 2 = 0 THEN %(wallet)s ELSE 1000000 + n %% 5000 + 1 END,
    CASE WHEN n %% 2 = 0 THEN 1000000 + n %% 5000 + 1 ELSE %(wallet)s END,
    '', 1000001, moment, moment, ''
FROM generate_series(1, %(entries)s) AS n, LATERAL (SELECT now() - interval '1 s' * (%(entries)s - n) AS moment) AS t;
INSERT INTO transactions_entry (transaction_id, wallet_id, sequence, amount, balance_after, created_at)
SELECT t.id, %(wallet)s, t.id - 1000000, CASE WHEN t.id %% 2 = 0 THEN -1 ELSE 1 END, 1, t.settled_at
FROM transactions_transaction AS t WHERE t.id > 1000000 AND t.id <= 1000000 + %(entries)s
UNION ALL
SELECT t.id, 1000000 + t.id %% 5000 + 1, t.id - 1000000, CASE WHEN t.id %% 2 = 0 THEN 1 ELSE -1 END, 1, t.settled_at
FROM transactions_transaction AS t WHERE t.id > 1000000 AND t.id <= 1000000 + %(entries)s;
SET LOCAL session_replication_role = origin;
ANALYZE wallets_user, wallets_wallet, transactions_transaction, transactions_entry;
"""


@pytest.fixture
def wallet(db: None) -> Wallet:
    wallet = wallet_of(person("alice"))
    with acting_as_superuser(), connection.cursor() as cursor:
        cursor.execute(_FILL_SQL, {"wallet": wallet.id, "entries": ENTRIES})
    return wallet


def explained(sql: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}")
        (answer,) = cursor.fetchone()
    plan = json.loads(answer) if isinstance(answer, str) else answer
    return dict(plan[0]["Plan"])


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


def plan_of(wallet: Wallet, query: HistoryQuery) -> dict[str, Any]:
    """The plan of the page's query. It is the last statement, after those that look up times."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        entry_page(wallet_id=wallet.id, query=query)
    return explained(queries[-1]["sql"])


def cursor_at(sequence: int, direction: str) -> str:
    """The cursor of the page that is older or newer than this entry."""
    return _cursor(direction, Entry(sequence=sequence))


DEPTHS = {"first": None, "middle": ENTRIES // 2, "last": 35}


def queries_at(sequence: int | None) -> list[HistoryQuery]:
    older = cursor_at(sequence, "older") if sequence else None
    newer = cursor_at(sequence or ENTRIES - 40, "newer")
    return [
        HistoryQuery(cursor=older),
        HistoryQuery(cursor=newer),
        HistoryQuery(cursor=older, kind=Kind.TRANSFER, direction="in"),
    ]


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_page_is_read_from_indexes_without_sorting(wallet: Wallet, depth: str) -> None:
    for query in queries_at(DEPTHS[depth]):
        done = nodes(plan_of(wallet, query))
        kinds = {node["Node Type"] for node in done}
        assert not kinds & {"Seq Scan", "Sort", "Incremental Sort", "Materialize", "Hash"}, kinds
        assert "entry_one_per_sequence" in {node.get("Index Name") for node in done}


def test_a_page_at_any_depth_reads_only_its_own_rows(wallet: Wallet) -> None:
    for sequence in DEPTHS.values():
        page, *_ = plans = [plan_of(wallet, query) for query in queries_at(sequence)]
        assert max(node["Actual Rows"] for node in nodes(page)) <= HISTORY_LIMIT + 1
        # An entry, its transaction, two wallets and two owners: one index lookup and one table row each.
        assert all(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 20 * HISTORY_LIMIT for plan in plans)


def test_a_time_is_found_only_by_index_lookups(wallet: Wallet) -> None:
    with CaptureQueriesContext(connection) as queries:
        sequence_at(wallet_id=wallet.id, moment=wallet.created_at)
    assert len(queries) <= 1 + ENTRIES.bit_length()
    for query in queries:
        assert {node["Node Type"] for node in nodes(explained(query["sql"]))} <= {
            "Limit",
            "Index Scan",
            "Index Only Scan",
            "Index Scan Backward",
        }
