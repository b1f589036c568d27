"""The relay: publishes the events of the outbox to Kafka, each at least once, and each wallet's in order."""

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

#: How many events are read, published and deleted at a time. This bounds the memory, however long the outbox is.
BATCH = 2_000
# Polls, because NOTIFY in each settlement would make all commits wait for one lock of the whole database.
_POLL_S = 0.1
_STAND_BY_S = 1.0
_PAUSE_S = 1.0
# The first of the two numbers keeps it apart from the advisory locks of settlement's partitions.
_LOCK_SQL = "SELECT pg_try_advisory_xact_lock(22341, 0)"


@dataclass(slots=True)
class Relay:
    """Publishes events until `stop` is set. Any number of relays may run; one publishes while the others stand by.

    `alive` is called before each poll, so that a liveness probe can tell whether the relay hangs.
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
        """Publishes one batch. Returns the seconds to wait before the next.

        The events are deleted after the acknowledgement, in the database transaction that read them. If the relay
        crashes before the commit, the events stay in the outbox and are published again.
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
        # Postgres may have closed the connection; the next batch opens a new one.
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
    """Locks the outbox until the end of this database transaction. Returns False if another relay has locked it.

    Race: without the lock, two relays could publish at once, and one of them a wallet's later events while the other
    is still publishing earlier ones. The lock belongs to the transaction and not to the connection: Postgres ends a
    transaction that takes too long, so a relay that hangs or has lost the network loses the lock.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_SQL)
        return bool(cursor.fetchone()[0])


def _publish_timeout_s() -> float:
    """A third of the transaction timeout, so that Postgres does not end the transaction before the delete."""
    return float(settings.DATABASE_TRANSACTION_TIMEOUT_MS / 1_000 / 3)
