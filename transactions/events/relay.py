"""The relay: takes the oldest events out of the outbox and writes them to Kafka. At least once, in order per wallet."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.db import Error, connection, transaction

from telemetry import metrics
from transactions.events.messages import event_message
from transactions.events.outbox import events_delete, events_oldest
from transactions.events.publisher import Publisher, PublishError

log = structlog.get_logger(__name__)

#: How many events are read, written and deleted at a time; so many are in memory, however long the outbox is.
BATCH = 2_000
# A NOTIFY from each settlement would spare these looks, but its commits queue up behind a lock on the whole database.
_POLL_S = 0.1
_STAND_BY_S = 1.0
_PAUSE_S = 1.0
# The first of two numbers, in a space apart from that of the queue's partitions.
_LOCK_SQL = "SELECT pg_try_advisory_xact_lock(22341, 0)"


@dataclass(slots=True)
class Relay:
    """Runs until `stop` is set. Any number may run: they take turns, one at a time.

    `alive` is called with each look, for whoever watches that it does not hang.
    """

    stop: threading.Event
    alive: Callable[[], object] = lambda: None
    _publisher: Publisher = field(default_factory=Publisher)
    _failing: bool = False

    def run(self) -> None:
        while not self.stop.is_set():
            self.alive()
            try:
                pause_s = self._batch()
            except (Error, PublishError) as error:
                pause_s = self._failed(error)
            else:
                self._recovered()
            if pause_s:
                self.stop.wait(pause_s)

    def _batch(self) -> float:
        """Tells of a batch; how long to wait before the next.

        Deleting comes after the acknowledgement, in the transaction that read: whatever dies before its commit leaves
        the events where they are, to be told once more.
        """
        with transaction.atomic(durable=True):
            if not _turn_take():
                return _STAND_BY_S
            events = events_oldest(BATCH)
            if not events:
                return _POLL_S
            messages = [event_message(event) for event in events]
            self._publisher.publish(messages, timeout_s=_publish_timeout_s(), stop=self.stop)
            events_delete(events)
        metrics.settled_events_published.inc(len(events))
        return 0 if len(events) == BATCH else _POLL_S

    def _failed(self, error: Exception) -> float:
        # What is left of a connection that Postgres has closed; the next batch opens another.
        connection.close()
        if not self.stop.is_set():
            metrics.settled_events_faults.inc()
        if not self._failing and not self.stop.is_set():
            self._failing = True
            log.warning("settled_events_stuck", error=type(error).__name__, reason=str(error).strip())
        return _PAUSE_S

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            log.info("settled_events_unstuck")


def _turn_take() -> bool:
    """Holds the outbox until the end of this database transaction; False where another relay does.

    The lock stops two relays from writing at once, when each could write a wallet's events while the other is halfway
    through earlier ones. For one transaction, not for the connection: Postgres ends a transaction that takes too long,
    and so takes the turn away from a relay that hangs, or was cut off from the network.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_SQL)
        return bool(cursor.fetchone()[0])


def _publish_timeout_s() -> float:
    """Well before Postgres would end the transaction that the events are deleted in."""
    return float(settings.DATABASE_TRANSACTION_TIMEOUT_MS / 1_000 / 3)
