"""Checks that the books are right and no accepted transfer is lost: reads every row with independent SQL."""

from collections.abc import Iterable, Sequence

from django.db import connection

from transactions.models import Entry, Status, Transaction
from wallets.models import Wallet

#: The name of each fault, and a query that finds it. No query may return a row.
_FAULTS = {
    "entries of a transaction do not sum to zero": """
        SELECT transaction_id FROM transactions_entry GROUP BY transaction_id
        HAVING sum(amount) <> 0 OR count(*) <> 2""",
    "posted without entries, or entries without posted": """
        SELECT coalesce(t.id, e.transaction_id) FROM transactions_transaction AS t
        FULL JOIN (SELECT DISTINCT transaction_id FROM transactions_entry) AS e ON e.transaction_id = t.id
        WHERE (t.status IS NOT DISTINCT FROM 'posted') <> (e.transaction_id IS NOT NULL)""",
    "entries at other wallets or of another amount than the transaction's": """
        SELECT t.id FROM transactions_transaction AS t JOIN transactions_entry AS e ON e.transaction_id = t.id
        JOIN wallets_wallet AS w ON w.id = e.wallet_id
        WHERE e.amount <> CASE WHEN e.wallet_id = t.source_id THEN -t.amount
                               WHEN e.wallet_id = t.destination_id THEN t.amount
                               WHEN w.owner_id IS NULL AND t.source_id IS NULL THEN -t.amount
                               WHEN w.owner_id IS NULL AND t.destination_id IS NULL THEN t.amount ELSE 0 END""",
    "a wallet's chain has a gap or does not add up": """
        SELECT wallet_id FROM (
            SELECT wallet_id, sequence, balance_after, amount, row_number() OVER chain AS place,
                lag(balance_after, 1, 0::bigint) OVER chain AS before
            FROM transactions_entry WHERE sequence IS NOT NULL
            WINDOW chain AS (PARTITION BY wallet_id ORDER BY sequence)) AS e
        WHERE sequence <> place OR balance_after <> before + amount OR balance_after < 0""",
    "a wallet's balance is not what its last entry says": """
        SELECT w.id FROM wallets_wallet AS w
        LEFT JOIN LATERAL (SELECT sequence, balance_after FROM transactions_entry AS e WHERE e.wallet_id = w.id
            ORDER BY sequence DESC NULLS LAST LIMIT 1) AS last ON w.owner_id IS NOT NULL
        WHERE w.version <> coalesce(last.sequence, 0) OR w.balance <> coalesce(last.balance_after, 0)""",
    "pending without a job, or a job without pending": """
        SELECT coalesce(t.id, j.transaction_id) FROM transactions_transaction AS t
        FULL JOIN transactions_job AS j ON j.transaction_id = t.id
        WHERE (t.status IS NOT DISTINCT FROM 'pending') <> (j.id IS NOT NULL)""",
    "failed without a reason": """
        SELECT id FROM transactions_transaction WHERE (status = 'failed') <> (failure_code <> '')""",
}


def assert_books_clean() -> None:
    found: dict[str, list[int]] = {}
    with connection.cursor() as cursor:
        for fault, sql in _FAULTS.items():
            cursor.execute(sql)
            rows = [row[0] for row in cursor.fetchall()]
            if rows:
                found[fault] = rows[:5]
    assert not found, found


def assert_settled(accepted: Sequence[Transaction], *, posted: int | None = None) -> None:
    """Each transfer is posted once or failed with a reason, none is missing or pending, and the books are clean."""
    counts = status_counts(accepted)
    assert counts.get(Status.PENDING, 0) == 0, counts
    assert sum(counts.values()) == len({t.id for t in accepted}), "an accepted transfer is gone"
    if posted is not None:
        assert counts.get(Status.POSTED, 0) == posted, counts
    assert_books_clean()


def assert_in_order(source: Wallet, accepted: Iterable[Transaction]) -> None:
    """The source's posted transfers among these have their entries in the order of acceptance."""
    entries = Entry.objects.filter(wallet=source, amount__lt=0).order_by("sequence")
    settled = list(entries.values_list("transaction", flat=True))
    moved = set(settled)
    posted = [t.id for t in accepted if t.id in moved]
    ours = set(posted)
    assert [id_ for id_ in settled if id_ in ours] == posted


def status_counts(accepted: Iterable[Transaction]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for status in Transaction.objects.filter(id__in=[t.id for t in accepted]).values_list("status", flat=True):
        counts[status] = counts.get(status, 0) + 1
    return counts


def pending_count() -> int:
    return Transaction.objects.filter(status=Status.PENDING).count()


def outcomes(accepted: Iterable[Transaction]) -> list[tuple[str, str]]:
    """The (status, failure code) of each transfer, in order."""
    ids = [t.id for t in accepted]
    stored = Transaction.objects.in_bulk(ids)
    return [(stored[id_].status, stored[id_].failure_code) for id_ in ids]
