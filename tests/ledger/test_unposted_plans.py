"""Listing a wallet's pending and recently failed transfers costs the same for any number of transactions."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.database import acting_as_superuser
from tests.ledger.test_history_plans import explained, nodes
from tests.people import person, wallet_of
from transactions.models import Transaction
from transactions.selectors import FAILED_SEARCHED, failed_list, pending_list
from wallets.models import Wallet

pytestmark = pytest.mark.django_db

TRANSACTIONS = 20_000
LIMIT = 6

# The wallet has sent the older half of all transactions, and another wallet the newer half. The wallet's newest twenty
# are pending, and the twenty before them failed. The other wallet's are all pending, in the same partition. They are
# written without the guards, because only reading is measured.
_FILL_SQL = """
SET LOCAL session_replication_role = replica;
INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id, destination_id, memo, initiator_id,
    created_at, settled_at, failure_code)
SELECT 1000000 + n, 'transfer', status, 'USD', n, %(source)s, %(destination)s, '', %(initiator)s, moment,
    CASE WHEN status <> 'pending' THEN moment END, CASE WHEN status = 'failed' THEN 'insufficient_funds' ELSE '' END
FROM generate_series(1, %(count)s) AS n,
    LATERAL (SELECT now() - interval '1 s' * (%(count)s - n) AS moment,
        CASE WHEN n > %(count)s - 20 THEN 'pending' WHEN n > %(count)s - 40 THEN 'failed' ELSE 'posted' END AS status);
INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id, destination_id, memo, initiator_id,
    created_at, failure_code)
SELECT 2000000 + n, 'transfer', 'pending', 'USD', n, %(destination)s, %(source)s, '', %(initiator)s, now(), ''
FROM generate_series(1, %(count)s) AS n;
INSERT INTO transactions_job (transaction_id, source_id, partition)
SELECT id, source_id, 0 FROM transactions_transaction WHERE status = 'pending' ORDER BY id;
SET LOCAL session_replication_role = origin;
ANALYZE transactions_transaction, transactions_job;
"""


@pytest.fixture
def wallet(db: None) -> Wallet:
    alice, bob = person("alice"), person("bob")
    wallet = wallet_of(alice)
    with acting_as_superuser(), connection.cursor() as cursor:
        cursor.execute(
            _FILL_SQL,
            {
                "source": wallet.id,
                "destination": wallet_of(bob).id,
                "initiator": alice.pk,
                "count": TRANSACTIONS,
            },
        )
    return wallet


def blocks(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def amounts(transactions: list[Transaction]) -> list[int]:
    return [transaction.amount for transaction in transactions]


def test_pending_transfers_are_found_by_the_wallets_jobs(wallet: Wallet) -> None:
    with CaptureQueriesContext(connection) as queries:
        found = pending_list(wallet_id=wallet.id, limit=LIMIT)
    assert amounts(found) == list(range(TRANSACTIONS, TRANSACTIONS - LIMIT, -1))
    done = nodes(plan := explained(queries[-1]["sql"]))
    assert "job_source" in {node.get("Index Name") for node in done}
    # A job, its transaction, a wallet and its owner: one index lookup and one table row each.
    assert blocks(plan) <= 20 * LIMIT


def test_failed_transfers_are_searched_only_among_the_newest(wallet: Wallet) -> None:
    with CaptureQueriesContext(connection) as queries:
        found = failed_list(wallet_id=wallet.id, since=timezone.now() - timedelta(days=3), limit=LIMIT)
    newest_failed = TRANSACTIONS - 20
    assert amounts(found) == list(range(newest_failed, newest_failed - LIMIT, -1))
    done = nodes(plan := explained(queries[-1]["sql"]))
    assert "transaction_source" in {node.get("Index Name") for node in done}
    assert blocks(plan) <= 10 * FAILED_SEARCHED


def test_a_failure_older_than_a_hundred_transactions_is_not_listed(wallet: Wallet) -> None:
    with acting_as_superuser(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE transactions_transaction SET id = id - 900000 WHERE status = 'failed'")
    assert failed_list(wallet_id=wallet.id, since=timezone.now() - timedelta(days=3), limit=LIMIT) == []
