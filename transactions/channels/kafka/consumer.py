"""The consumer: takes messages, settles them, puts elsewhere what cannot be settled, and only then commits offsets.

So whatever dies on the way, a message is delivered again rather than passed over, and one that is delivered again is
recognised by its transaction's id.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from telemetry import metrics
from transactions.channels.kafka.client import client_options
from transactions.channels.kafka.deliveries import Delivery, delivery_of
from transactions.channels.kafka.faults import UnpublishedError, faulty_put_off, unreadable_bury
from transactions.channels.kafka.lag import group_name
from transactions.channels.kafka.messages import UnreadableError, transfer_decode
from transactions.channels.kafka.purge import settled_purge
from transactions.channels.kafka.registry import transfers_settled
from transactions.channels.kafka.settle import deliveries_settle
from transactions.channels.kafka.topics import requested_topic, retry_topic
from transactions.settlement.settle import BATCH, concerns_everybody

log = structlog.get_logger(__name__)

#: How long a look waits for a first message, and then for others to join it.
_IDLE_S = 0.5
_LINGER_S = 0.02
#: How long it rests after a fault of everybody's: 0.1 s, then twice as long each time, up to this.
_REST_MAX_S = 5.0
_LAG_EVERY_S = 5.0
_PURGE_EVERY_S = 3_600.0

Place = tuple[str, int]


class TransferConsumer:
    """One member of the consumer group. `turn` is called again and again, by one thread."""

    def __init__(self) -> None:
        self._consumer = Consumer(
            client_options(
                group_id=group_name(),
                enable_auto_commit=False,
                # A group that is new begins with what was published before it.
                auto_offset_reset="earliest",
                # Who joins or leaves takes only some partitions from the others, which go on meanwhile.
                partition_assignment_strategy="cooperative-sticky",
                # A partition that waited for the time of a retry is read again at once, not a second later.
                fetch_queue_backoff_ms=50,
                # A consumer that was killed is missed after this long.
                session_timeout_ms=settings.KAFKA_SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=settings.KAFKA_SESSION_TIMEOUT_MS // 4,
            )
        )
        #: Partitions that wait until a message of theirs may be tried again.
        self._held: dict[Place, float] = {}
        self._rest_s = 0.0
        self._lag_at_s = 0.0
        self._purge_at_s = time.monotonic() + _PURGE_EVERY_S
        self._consumer.subscribe(
            [requested_topic(), retry_topic()], on_assign=self._assigned, on_revoke=self._gone, on_lost=self._gone
        )

    def turn(self) -> int:
        """Takes a batch, settles it and commits its offsets; how many messages it was."""
        close_old_connections()
        self._resume_due()
        self._lag_measure()
        if time.monotonic() >= self._purge_at_s:
            self.purge()
        deliveries = self._take()
        if not deliveries:
            return 0
        try:
            self._settle(deliveries)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be passed over
            self._rewind(deliveries)
            self._rest(error)
            return 0
        self._rest_s = 0.0
        self._commit(deliveries)
        return len(deliveries)

    def purge(self) -> None:
        """Throws away what was settled long ago in the partitions that are this member's."""
        self._purge_at_s = time.monotonic() + _PURGE_EVERY_S
        settled_purge(self._consumer, self._consumer.assignment())

    def close(self) -> None:
        """Leaves the group, whose other members take over at once."""
        self._consumer.close()

    def _take(self) -> list[Delivery]:
        """The next messages that may be settled now, a thousand at the most."""
        first = self._consumer.poll(self._patience_s())
        if first is None:
            return []
        messages = [first, *self._consumer.consume(BATCH - 1, _LINGER_S)]
        # What came before a partition was taken away in the middle of this look is its next owner's.
        mine = self._places()
        deliveries = [delivery_of(message) for message in messages if not _is_error(message)]
        return self._due([delivery for delivery in deliveries if delivery.place in mine])

    def _patience_s(self) -> float:
        """No longer than until the next partition's wait is over."""
        next_s = min(self._held.values(), default=math.inf) - time.monotonic()
        return max(0.0, min(_IDLE_S, next_s))

    def _due(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Without those whose time has not come, and what lies behind them in their partitions: these wait."""
        due, now = [], timezone.now()
        for delivery in deliveries:
            if delivery.place in self._held:
                continue
            if delivery.not_before is not None and delivery.not_before > now:
                self._hold(delivery, (delivery.not_before - now).total_seconds())
            else:
                due.append(delivery)
        return due

    def _settle(self, deliveries: Sequence[Delivery]) -> None:
        """Returns when each is on record, or lies in another topic."""
        read = [_read(delivery) for delivery in deliveries]
        settlement = deliveries_settle([delivery for delivery in read if delivery.command])
        unreadable = [(delivery, delivery.unreadable) for delivery in read if delivery.command is None]
        unreadable += settlement.refused
        unreadable_bury(unreadable)
        dead = faulty_put_off(settlement.faulty)
        elsewhere = {id(delivery) for delivery, _ in [*settlement.faulty, *settlement.refused]}
        transfers_settled([d.command for d in read if d.command and id(d) not in elsewhere])
        metrics.transfers_settled.labels(outcome="posted").inc(settlement.posted)
        metrics.transfers_settled.labels(outcome="failed").inc(settlement.failed)
        for outcome, count in (
            ("posted", settlement.posted),
            ("failed", settlement.failed),
            ("replayed", settlement.replayed),
            ("retried", len(settlement.faulty) - dead),
            ("dead", dead),
            ("unreadable", len(unreadable)),
        ):
            metrics.kafka_consumed.labels(outcome=outcome).inc(count)

    def _commit(self, deliveries: Sequence[Delivery]) -> None:
        """Says that these need not be delivered again. Where that fails they are, which does no harm."""
        ends = {delivery.place: delivery.offset + 1 for delivery in deliveries}
        offsets = [TopicPartition(topic, partition, end) for (topic, partition), end in ends.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            log.warning("offsets_not_committed", error=error.args[0].str())

    def _rewind(self, deliveries: Sequence[Delivery]) -> None:
        """The next look finds these once more."""
        starts: dict[Place, int] = {}
        for delivery in deliveries:
            starts.setdefault(delivery.place, delivery.offset)
        for place in starts.keys() & self._places():
            self._seek(place, starts[place])

    def _rest(self, error: Exception) -> None:
        self._rest_s = min(_REST_MAX_S, max(0.1, self._rest_s * 2))
        metrics.settlement_faults.inc()
        # What is away comes back by itself; the traceback of anything else is for whoever has to mend it.
        traceback = None if _is_everybodys(error) else error
        log.warning("settling_waits", error=f"{type(error).__name__}: {error}", rest_s=self._rest_s, exc_info=traceback)
        time.sleep(self._rest_s)

    def _hold(self, delivery: Delivery, wait_s: float) -> None:
        topic, partition = delivery.place
        self._consumer.pause([TopicPartition(topic, partition)])
        self._held[delivery.place] = time.monotonic() + wait_s
        self._seek(delivery.place, delivery.offset)

    def _resume_due(self) -> None:
        now_s = time.monotonic()
        due = [place for place, until_s in self._held.items() if until_s <= now_s]
        for topic, partition in due:
            del self._held[topic, partition]
            self._consumer.resume([TopicPartition(topic, partition)])

    def _seek(self, place: Place, offset: int) -> None:
        self._consumer.seek(TopicPartition(place[0], place[1], offset))

    def _places(self) -> set[Place]:
        return {(mine.topic, mine.partition) for mine in self._consumer.assignment()}

    def _assigned(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self._forget(partitions)
        log.info("partitions_assigned", count=len(partitions))

    def _gone(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """Partitions go to somebody else. Between two batches: what was taken is settled and committed, or will be
        delivered to its next owner."""
        self._forget(partitions)
        log.info("partitions_revoked", count=len(partitions))

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        for gone in partitions:
            if self._held.pop((gone.topic, gone.partition), None) is not None:
                # Or it would still be paused when it comes back to us, and nobody would read it.
                self._consumer.resume([TopicPartition(gone.topic, gone.partition)])

    def _lag_measure(self) -> None:
        """How much waits in this member's partitions, as far as it has heard from the broker."""
        now_s = time.monotonic()
        if now_s < self._lag_at_s:
            return
        self._lag_at_s = now_s + _LAG_EVERY_S
        lags = dict.fromkeys((requested_topic(), retry_topic()), 0)
        for place in self._consumer.position(self._consumer.assignment()):
            _, end = self._consumer.get_watermark_offsets(place, cached=True)
            if place.offset >= 0:
                lags[place.topic] += max(0, end - place.offset)
        for topic, lag in lags.items():
            metrics.kafka_lag.labels(topic=topic).set(lag)


def consume(*, is_over: Callable[[], bool], alive: Callable[[], None] = lambda: None) -> None:
    """Settles until `is_over` says so; the batch at hand is finished. Calls `alive` again and again."""
    with closing(TransferConsumer()) as consumer:
        while not is_over():
            consumer.turn()
            alive()


def _read(delivery: Delivery) -> Delivery:
    try:
        return replace(delivery, command=transfer_decode(delivery.value))
    except UnreadableError as error:
        return replace(delivery, unreadable=str(error))


def _is_error(message: Message) -> bool:
    error = message.error()
    if error is not None:
        log.warning("kafka_error", error=error.str())
    return error is not None


def _is_everybodys(error: Exception) -> bool:
    return isinstance(error, UnpublishedError | KafkaException) or concerns_everybody(error)
