"""Reading the outbox: the events that are still to be published, oldest first, and how many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils import timezone

from telemetry import metrics
from transactions.ledger.arrays import among
from transactions.models import SettledEvent

# Selects columns, because making model instances would take longer than the rest of publishing an event.
_OLDEST_SQL = """
SELECT oldest.position, oldest.wallet_id,
    t.id, t.kind, t.status, t.amount, t.currency, t.source_id, source_owner.username, t.destination_id,
    CASE WHEN t.by_email AND t.status <> 'posted' THEN NULL ELSE destination_owner.username END,
    t.memo, t.created_at, t.settled_at, t.failure_code,
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
# Reads the first and the last row through the primary key, so its cost does not depend on the number of rows.
_BACKLOG_SQL = """
SELECT last.position - first.position + 1, t.settled_at
FROM (SELECT position, transaction_id FROM transactions_settledevent ORDER BY position LIMIT 1) AS first
CROSS JOIN (SELECT position FROM transactions_settledevent ORDER BY position DESC LIMIT 1) AS last
JOIN transactions_transaction AS t ON t.id = first.transaction_id
"""


@dataclass(frozen=True, slots=True)
class Event:
    """Everything that the message of one event says: a settled transaction, as an event of the wallet `wallet_id`.

    The `entry_` fields are that wallet's entry, and None if the transaction failed.
    """

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
    """The events that wait to be published.

    `waiting` is an upper bound, because it counts the positions of rolled-back events as well. `oldest_at` is when the
    oldest event's transaction settled; None if none waits.
    """

    waiting: int = 0
    oldest_at: datetime | None = None

    @property
    def oldest_s(self) -> float | None:
        """How long the oldest event has waited, in seconds. Never negative, even if two clocks differ a little."""
        return max(0.0, (timezone.now() - self.oldest_at).total_seconds()) if self.oldest_at else None


def events_oldest(limit: int) -> list[Event]:
    """The oldest events in the outbox, at most `limit`, in order of their positions."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_SQL, [limit])
        return [Event(*row) for row in cursor.fetchall()]


def events_delete(events: Sequence[Event]) -> None:
    """Deletes events that Kafka has acknowledged."""
    SettledEvent.objects.filter(among("position", [event.position for event in events])).delete()


def events_backlog() -> Backlog:
    """How many events wait, at most, and since when."""
    with connection.cursor() as cursor:
        cursor.execute(_BACKLOG_SQL)
        row = cursor.fetchone()
    return Backlog(waiting=row[0], oldest_at=row[1]) if row else Backlog()


def backlog_measure() -> None:
    """Sets the backlog's metrics. They are NaN if the database cannot be read."""
    waiting = oldest_s = float("nan")
    try:
        backlog = events_backlog()
        waiting, oldest_s = backlog.waiting, backlog.oldest_s or 0.0
    finally:
        metrics.settled_events_waiting.set(waiting)
        metrics.settled_events_oldest_seconds.set(oldest_s)
