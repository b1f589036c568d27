"""The audit of the books: proof, from every row, that no money was created or lost and no accepted transfer forgotten.

Postgres does the sums and spills to disk what does not fit into its memory. Python sees only the totals and the first
findings, so its memory does not grow with the books.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from transactions.models import Status
from wallets.models import OUTSIDE_IDS_END

#: How many faulty transactions, wallets and currencies are named, of each. Further ones are only counted.
FINDINGS_NAMED_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong (`problem`) with one transaction, wallet or currency (`subject`, such as "wallet 17").

    Amounts in `problem` are in minor units.
    """

    subject: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyTotals:
    """The sums of one currency, in minor units.

    `held`: the balances of all wallets. `outside`: the entries of the outside wallet, which are negative for money that
    came in. `entries_total`: all entries; 0 in correct books.
    """

    currency: str
    held: int
    outside: int
    entries_total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found.

    `transactions` counts them by status. `findings` names the first findings of each kind; `finding_count` counts all.
    """

    transactions: Mapping[str, int]
    entry_count: int
    wallet_count: int
    dead_letter_count: int
    #: The age of the oldest pending transaction; None if there is none.
    oldest_pending_s: float | None
    currencies: Sequence[CurrencyTotals]
    findings: Sequence[Finding]
    finding_count: int
    took_s: float

    @property
    def clean(self) -> bool:
        return self.finding_count == 0


# Rule: a posted transaction has exactly two entries, minus its amount at the source and plus its amount at the
# destination. A missing side is the currency's outside wallet. A transaction that is not posted has no entries.
_TRANSACTIONS_SQL = """
WITH sides AS (
    SELECT transaction_id, count(*) AS entries, sum(amount) AS total, max(amount) AS amount,
        max(wallet_id) FILTER (WHERE amount < 0) AS source_id,
        max(wallet_id) FILTER (WHERE amount > 0) AS destination_id
    FROM transactions_entry GROUP BY transaction_id
), judged AS (
    SELECT coalesce(t.id, s.transaction_id) AS id, concat_ws('; ',
        CASE WHEN t.id IS NULL THEN 'has entries but does not exist' END,
        CASE WHEN t.amount < 1 THEN format('moves %%s', t.amount) END,
        CASE WHEN source.currency <> t.currency THEN format('its source does not hold %%s', t.currency) END,
        CASE WHEN destination.currency <> t.currency THEN format('its destination does not hold %%s', t.currency) END,
        CASE WHEN t.status = 'posted' AND s.entries IS NULL THEN 'is posted without entries' END,
        CASE WHEN t.status <> 'posted' AND s.entries > 0 THEN format('is %%s but has entries', t.status) END,
        CASE WHEN s.entries <> 2 THEN format('has %%s entries instead of 2', s.entries) END,
        CASE WHEN s.total <> 0 THEN format('its entries sum to %%s instead of 0', s.total) END,
        CASE WHEN t.id IS NOT NULL AND s.entries = 2 AND s.total = 0
              AND (s.amount, s.source_id, s.destination_id) IS DISTINCT FROM
                  (t.amount, coalesce(t.source_id, outside.id), coalesce(t.destination_id, outside.id))
             THEN 'its entries are at other wallets or of another amount' END
    ) AS problem
    FROM transactions_transaction AS t
    FULL JOIN sides AS s ON s.transaction_id = t.id
    LEFT JOIN wallets_wallet AS source ON source.id = t.source_id
    LEFT JOIN wallets_wallet AS destination ON destination.id = t.destination_id
    LEFT JOIN wallets_wallet AS outside ON outside.currency = t.currency AND outside.owner_id IS NULL
)
SELECT count(*) OVER (), 'transaction ' || id, problem FROM judged WHERE problem <> '' ORDER BY id LIMIT %(limit)s
"""

# Rule: every pending transaction has one job, of the same source wallet; no other transaction has a job. This is a
# separate query because jobs are few: it costs little beside the scan of all transactions above.
_JOBS_SQL = """
WITH jobs AS (
    SELECT transaction_id, count(*) AS jobs, max(source_id) AS source_id, min(source_id) AS other_source_id
    FROM transactions_job GROUP BY transaction_id
), judged AS (
    SELECT coalesce(t.id, j.transaction_id) AS id, concat_ws('; ',
        CASE WHEN t.id IS NULL THEN 'has a job but does not exist' END,
        CASE WHEN t.status = 'pending' AND j.jobs IS NULL THEN 'is pending but has no job' END,
        CASE WHEN t.status <> 'pending' AND j.jobs > 0 THEN format('is %%s but still has a job', t.status) END,
        CASE WHEN j.jobs > 1 THEN format('has %%s jobs instead of 1', j.jobs) END,
        CASE WHEN t.id IS NOT NULL AND j.jobs > 0
              AND (j.source_id, j.other_source_id) IS DISTINCT FROM (t.source_id, t.source_id)
             THEN 'its job waits at another wallet' END
    ) AS problem
    FROM transactions_transaction AS t FULL JOIN jobs AS j ON j.transaction_id = t.id
    WHERE t.status = 'pending' OR j.jobs > 0
)
SELECT count(*) OVER (), 'transaction ' || id, problem FROM judged WHERE problem <> '' ORDER BY id LIMIT %(limit)s
"""

# Rule: a wallet's entries are numbered 1, 2, 3, … up to its version; each balance is the previous one plus the amount;
# the last one is the wallet's balance. The entries of outside wallets have neither a number nor a balance.
# `wallet_id + 0` keeps the planner from using the index on (wallet, sequence), which would read one random page per
# row. In large books, reading the table in order and sorting is much faster.
_WALLETS_SQL = """
WITH chain AS (
    SELECT wallet_id, sequence, amount, balance_after, created_at,
        row_number() OVER by_sequence AS place,
        lag(balance_after, 1, 0::bigint) OVER by_sequence AS balance_before,
        lag(created_at) OVER by_sequence AS created_before,
        lead(1) OVER by_sequence IS NULL AS is_last
    FROM (SELECT wallet_id + 0 AS wallet_id, sequence, amount, balance_after, created_at FROM transactions_entry) AS e
    WHERE wallet_id >= %(outside_ids_end)s
    WINDOW by_sequence AS (PARTITION BY wallet_id ORDER BY sequence)
), books AS (
    SELECT wallet_id, count(*) AS entries, sum(amount) AS total, max(sequence) AS last_sequence,
        max(balance_after) FILTER (WHERE is_last) AS last_balance,
        min(place) FILTER (WHERE sequence IS DISTINCT FROM place) AS gap_at,
        min(place) FILTER (WHERE balance_after IS DISTINCT FROM balance_before + amount) AS break_at,
        min(place) FILTER (WHERE balance_after < 0) AS negative_at,
        min(place) FILTER (WHERE created_at < created_before) AS disorder_at,
        0 AS carrying
    FROM chain GROUP BY wallet_id
    UNION ALL
    SELECT wallet_id, count(*), sum(amount), NULL, NULL, NULL, NULL, NULL, NULL,
        count(*) FILTER (WHERE sequence IS NOT NULL OR balance_after IS NOT NULL)
    FROM transactions_entry WHERE wallet_id < %(outside_ids_end)s GROUP BY wallet_id
), judged AS (
    SELECT coalesce(w.id, b.wallet_id) AS id, concat_ws('; ',
        CASE WHEN w.id IS NULL THEN 'has entries but does not exist' END,
        CASE WHEN w.balance < 0 THEN format('its balance is %%s', w.balance) END,
        CASE WHEN (w.owner_id IS NULL) <> (w.id < %(outside_ids_end)s) THEN 'its owner does not fit its id' END,
        CASE WHEN w.owner_id IS NULL AND (w.balance <> 0 OR w.version <> 0 OR w.status <> 'open')
             THEN format('is outside but %%s, of version %%s and balance %%s', w.status, w.version, w.balance) END,
        CASE WHEN b.carrying > 0 THEN format('is outside but %%s of its entries carry a balance', b.carrying) END,
        CASE WHEN w.owner_id IS NOT NULL AND w.balance <> coalesce(b.total, 0)
             THEN format('its balance is %%s, its entries sum to %%s', w.balance, coalesce(b.total, 0)) END,
        CASE WHEN w.owner_id IS NOT NULL AND w.balance IS DISTINCT FROM coalesce(b.last_balance, 0)
             THEN format('its balance is %%s, its last entry left %%s', w.balance, coalesce(b.last_balance, 0)) END,
        CASE WHEN w.owner_id IS NOT NULL AND w.version <> coalesce(b.entries, 0)
             THEN format('its version is %%s, it has %%s entries', w.version, coalesce(b.entries, 0)) END,
        CASE WHEN w.owner_id IS NOT NULL AND w.version IS DISTINCT FROM coalesce(b.last_sequence, 0)
             THEN format('its version is %%s, its last sequence %%s', w.version, coalesce(b.last_sequence, 0)) END,
        CASE WHEN b.gap_at IS NOT NULL THEN format('its sequence is broken at entry %%s', b.gap_at) END,
        CASE WHEN b.break_at IS NOT NULL THEN format('its balances do not add up at entry %%s', b.break_at) END,
        CASE WHEN b.negative_at IS NOT NULL THEN format('its balance is negative at entry %%s', b.negative_at) END,
        CASE WHEN b.disorder_at IS NOT NULL THEN format('its time goes back at entry %%s', b.disorder_at) END
    ) AS problem
    FROM wallets_wallet AS w FULL JOIN books AS b ON b.wallet_id = w.id
)
SELECT count(*) OVER (), 'wallet ' || id, problem FROM judged WHERE problem <> '' ORDER BY id LIMIT %(limit)s
"""

_CURRENCIES_SQL = """
WITH books AS (SELECT wallet_id, sum(amount) AS total FROM transactions_entry GROUP BY wallet_id)
SELECT w.currency, coalesce(sum(w.balance), 0), coalesce(sum(b.total) FILTER (WHERE w.owner_id IS NULL), 0),
    coalesce(sum(b.total), 0)
FROM wallets_wallet AS w LEFT JOIN books AS b ON b.wallet_id = w.id
GROUP BY w.currency ORDER BY w.currency
"""
_STATUSES_SQL = "SELECT status, count(*) FROM transactions_transaction GROUP BY status"
_COUNTS_SQL = """
SELECT (SELECT count(*) FROM transactions_entry), (SELECT count(*) FROM wallets_wallet),
    (SELECT count(*) FROM transactions_job WHERE dead_at IS NOT NULL),
    (SELECT extract(epoch FROM clock_timestamp() - min(created_at))
     FROM transactions_transaction WHERE status = 'pending')
"""


def books_audit() -> Audit:
    """Audits all of the books in one snapshot. Money may move meanwhile.

    If the caller has a database transaction open, the audit runs in it and sees what it sees.
    """
    started_s = time.monotonic()
    with _snapshot():
        statuses = {status.value: 0 for status in Status} | dict(_rows(_STATUSES_SQL))
        ((entry_count, wallet_count, dead_letter_count, oldest_pending_s),) = _rows(_COUNTS_SQL)
        currencies = [
            CurrencyTotals(currency=currency, held=int(held), outside=int(outside), entries_total=int(total))
            for currency, held, outside, total in _rows(_CURRENCIES_SQL)
        ]
        found = [
            _findings(_TRANSACTIONS_SQL),
            _findings(_JOBS_SQL),
            _findings(_WALLETS_SQL),
            _currency_findings(currencies),
        ]
    return Audit(
        transactions=statuses,
        entry_count=entry_count,
        wallet_count=wallet_count,
        dead_letter_count=dead_letter_count,
        # The database's clock may be slightly behind the clock that wrote created_at; an age is never negative.
        oldest_pending_s=None if oldest_pending_s is None else max(0.0, float(oldest_pending_s)),
        currencies=currencies,
        findings=[finding for _, named in found for finding in named],
        finding_count=sum(count for count, _ in found),
        took_s=time.monotonic() - started_s,
    )


@contextmanager
def _snapshot() -> Iterator[None]:
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        # All statements read the same snapshot, so that their figures fit together.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # For this transaction only: an audit of large books takes more time and memory than a request may.
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL transaction_timeout = 0")
        cursor.execute("SET LOCAL work_mem = '64MB'")
        yield


def _rows(sql: str, parameters: Mapping[str, int] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _findings(sql: str) -> tuple[int, list[Finding]]:
    """The number of findings, and the first of them."""
    rows = _rows(sql, {"limit": FINDINGS_NAMED_MAX, "outside_ids_end": OUTSIDE_IDS_END})
    return (rows[0][0] if rows else 0), [Finding(subject=subject, problem=problem) for _, subject, problem in rows]


def _currency_findings(currencies: Sequence[CurrencyTotals]) -> tuple[int, list[Finding]]:
    findings = []
    for totals in currencies:
        problems = []
        if totals.entries_total:
            problems.append(f"all its entries sum to {totals.entries_total} instead of 0")
        if totals.held != -totals.outside:
            problems.append(f"its wallets hold {totals.held}, but {-totals.outside} came in from outside")
        if problems:
            findings.append(Finding(subject=f"currency {totals.currency}", problem="; ".join(problems)))
    return len(findings), findings
