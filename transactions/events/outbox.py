"""Reading the outbox: what is still to be told, oldest first, and how much of it there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils import timezone

from telemetry import metrics
from transactions.ledger.arrays import among
from transactions.models import SettledEvent

# Columns rather than models, which take longer to make than all the rest of telling an event.
_OLDEST_SQL = """
SELECT oldest.position, oldest.wallet_id,
    t.id, t.kind, t.status, t.amount, t.currency, t.source_id, source_owner.username, t.destination_id,
    destination_owner.username, t.memo, t.created_at, t.settled_at, t.failure_code,
    e.sequence, e.amount, e.balance_after, e.created_at
FROM (SELECT position, transaction_id, wallet_id FROM transactions_settledevent ORDER BY position LIMIT %s) AS oldest
JOIN transactions_transaction AS t ON t.id = oldest.transaction_id
LEFT JOIN wallets_wallet AS source ON source.id = t.source_id
LEFT JOIN wallets_user AS source_owner ON source_owner.id = source.owner_id
LEFT JOIN wallets_wallet AS destination ON destination.id = t.destination_id
LEFT JOIN wallets_user AS destination_owner ON destination_owner.id = destination.owner_id
LEFT JOIN transactions_entry AS e ON e.transaction_id = oldest.transaction_id AND e.wallet_id = oldest.wallet_id
ORDER BY oldest.position
"""
# By the primary key: the first and the last row, however many are between them.
_BACKLOG_SQL = """
SELECT last.position - first.position + 1, t.settled_at
FROM (SELECT position, transaction_id FROM transactions_settledevent ORDER BY position LIMIT 1) AS first
CROSS JOIN (SELECT position FROM transactions_settledevent ORDER BY position DESC LIMIT 1) AS last
JOIN transactions_transaction AS t ON t.id = first.transaction_id
"""


@dataclass(frozen=True, slots=True)
class Event:
    """A settled transaction, told to the stream of `wallet_id`, with that side's entry if it was posted: all that its
    message says."""

    position: int
    wallet_id: int
    transaction_id: int
    kind: str
    status: str
    amount: int
    currency: str
    source_id: int | None
    source_owner: str | None
    destination_id: int | None
    destination_owner: str | None
    memo: str
    created_at: datetime
    settled_at: datetime
    failure_code: str
    entry_sequence: int | None
    entry_amount: int | None
    entry_balance_after: int | None
    entry_created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many events wait at the most (positions of what was rolled back count too), and since when the oldest."""

    waiting: int = 0
    oldest_at: datetime | None = None

    @property
    def oldest_s(self) -> float | None:
        """Two clocks that differ a little must not make anything wait for less than no time."""
        return max(0.0, (timezone.now() - self.oldest_at).total_seconds()) if self.oldest_at else None


def events_oldest(limit: int) -> list[Event]:
    """The first events in the outbox."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_SQL, [limit])
        return [Event(*row) for row in cursor.fetchall()]


def events_delete(events: Sequence[Event]) -> None:
    """They are told."""
    SettledEvent.objects.filter(among("position", [event.position for event in events])).delete()


def events_backlog() -> Backlog:
    with connection.cursor() as cursor:
        cursor.execute(_BACKLOG_SQL)
        row = cursor.fetchone()
    return Backlog(waiting=row[0], oldest_at=row[1]) if row else Backlog()


def backlog_measure() -> None:
    """Puts the backlog's figures where Prometheus finds them; no number where they cannot be had."""
    waiting = oldest_s = float("nan")
    try:
        backlog = events_backlog()
        waiting, oldest_s = backlog.waiting, backlog.oldest_s or 0.0
    finally:
        metrics.settled_events_waiting.set(waiting)
        metrics.settled_events_oldest_seconds.set(oldest_s)
