"""The consumer: reads where to look, settles what is due there, and then commits its offsets.

If the commit of the offsets fails, Kafka delivers the messages again; settling is idempotent, because the job table
decides. Beside the consumer a thread polls that table, which settles while the broker is away and finds jobs whose
message was lost.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from django.conf import settings
from django.db import close_old_connections

from telemetry import metrics
from transactions.channels.kafka.client import client_options
from transactions.channels.kafka.messages import Incoming, UnreadableError, incoming, look_read
from transactions.channels.kafka.notices import UnstoredError, faulty_announce, unreadable_store
from transactions.channels.kafka.old_release import old_release_check
from transactions.channels.kafka.retries import Retries
from transactions.channels.kafka.topics import due_topic, group_name, retry_topic
from transactions.settlement.faults import fault_is_shared
from transactions.settlement.poll import Poller
from transactions.settlement.settle import BATCH, Settled, sources_settle

log = structlog.get_logger(__name__)

#: How long a turn waits for a first message, and then for others to join it.
_IDLE_S = 0.5
_LINGER_S = 0.02
#: How long it rests after a fault that concerns everybody: 0.1 s, then twice as long each time, up to this.
_REST_MAX_S = 5.0
_LAG_EVERY_S = 5.0
#: More sources than this whose time was up are left to polling.
_LEFT_MAX = 10 * BATCH

Place = tuple[str, int]


class TransferConsumer:
    """One member of the consumer group. One thread calls `turn` again and again."""

    def __init__(self) -> None:
        self._consumer = Consumer(
            client_options(
                group_id=group_name(),
                enable_auto_commit=False,
                # A new group begins with what was sent before it existed.
                auto_offset_reset="earliest",
                # A member that joins or leaves takes only some partitions from the others, which go on meanwhile.
                partition_assignment_strategy="cooperative-sticky",
                # A consumer that was killed is missed after this long.
                session_timeout_ms=settings.KAFKA_SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=settings.KAFKA_SESSION_TIMEOUT_MS // 4,
            )
            | {"on_commit": _offsets_committed}
        )
        self._is_subscribed = False
        self._is_away = False
        self._retries = Retries()
        #: Sources whose time was up before their jobs were settled.
        self._left: set[int] = set()
        self._rest_s = 0.0
        self._lag_at_s = 0.0

    def turn(self) -> int:
        """Reads some messages, settles what is due where they point, and commits their offsets. Returns how many
        transfers were settled. Raises OldMessagesError while an earlier release has not finished."""
        close_old_connections()
        if not self._is_subscribed:
            self._subscribe()
        messages = self._take()
        try:
            settled = self._look(messages)
        except Exception as error:  # noqa: BLE001 - whatever it was, the messages must be read again
            self._rewind(messages)
            self._rest(error)
            return 0
        self._rest_s = 0.0
        self._commit(messages)
        self._lag_measure()
        return settled

    def close(self) -> None:
        """Leaves the group; the other members take over at once."""
        self._consumer.close()

    def _subscribe(self) -> None:
        """Joins the group, unless an earlier release has work left or the broker is away."""
        try:
            old_release_check()
        except KafkaException as error:
            if not self._is_away:
                log.warning("kafka_unreachable", error=error.args[0].str())
            self._is_away = True
            time.sleep(_IDLE_S)
            return
        self._consumer.subscribe(
            [due_topic(), retry_topic()], on_assign=_partitions_assigned, on_revoke=_partitions_revoked
        )
        self._is_subscribed = True

    def _take(self) -> list[Incoming]:
        """The next messages, as many as a batch has room for at the most."""
        if not self._is_subscribed:
            return []
        first = self._consumer.poll(0.0 if self._left else _IDLE_S)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(BATCH - 1, _LINGER_S)]
        return [incoming(message) for message in messages if not _is_error(message)]

    def _look(self, messages: Sequence[Incoming]) -> int:
        """Settles where the messages point and where a retry is due, and stores unreadable messages."""
        sources, unreadable = self._read(messages)
        sources |= self._retries.due() | self._left
        settled = Settled()
        if sources:
            settled = sources_settle(source_ids=sources, time_limit_s=settings.TRANSFER_DRAIN_LIMIT_S)
        self._left = sources if settled.left and len(sources) <= _LEFT_MAX else set()
        # After the commit, and not waited for: the job table knows all of it.
        faulty_announce(settled.faulty)
        # Last, because it may take the broker's time.
        unreadable_store(unreadable)
        metrics.kafka_consumed.labels(outcome="read").inc(len(messages) - len(unreadable))
        metrics.kafka_consumed.labels(outcome="unreadable").inc(len(unreadable))
        return settled.posted + settled.failed

    def _read(self, messages: Sequence[Incoming]) -> tuple[set[int], list[tuple[Incoming, str]]]:
        """The sources to look at now, and the unreadable messages. Remembers the sources to look at later."""
        sources, unreadable = set(), []
        for message in messages:
            try:
                look = look_read(message)
            except UnreadableError as error:
                unreadable.append((message, str(error)))
                continue
            if not self._retries.remember(look.source_id, look.not_before):
                sources.add(look.source_id)
        return sources, unreadable

    def _commit(self, messages: Sequence[Incoming]) -> None:
        ends = {(message.topic, message.partition): message.offset + 1 for message in messages}
        if not ends:
            return
        try:
            # Not waited for: a broker that is away would keep the next sources waiting.
            self._consumer.commit(offsets=[TopicPartition(*place, end) for place, end in ends.items()])
        except KafkaException as error:
            log.warning("offsets_not_committed", error=error.args[0].str())

    def _rewind(self, messages: Sequence[Incoming]) -> None:
        """Makes the next turn read these messages again, unless their partition has gone to another member."""
        starts: dict[Place, int] = {}
        for message in messages:
            starts.setdefault((message.topic, message.partition), message.offset)
        try:
            mine = {(place.topic, place.partition) for place in self._consumer.assignment()} if starts else set()
            for place in starts.keys() & mine:
                self._consumer.seek(TopicPartition(*place, starts[place]))
        except KafkaException as error:
            # What they point at is left to polling.
            log.warning("not_rewound", error=error.args[0].str())

    def _rest(self, error: Exception) -> None:
        self._rest_s = min(_REST_MAX_S, max(0.1, self._rest_s * 2))
        # A database or a broker that is away comes back by itself. Anything else is a bug, and needs its traceback.
        is_expected = isinstance(error, UnstoredError | KafkaException) or fault_is_shared(error)
        log.warning(
            "settling_waits",
            error=f"{type(error).__name__}: {error}",
            rest_s=self._rest_s,
            exc_info=None if is_expected else error,
        )
        time.sleep(self._rest_s)

    def _lag_measure(self) -> None:
        """Publishes how many messages wait in this member's partitions, as far as the broker has told it."""
        now_s = time.monotonic()
        if now_s < self._lag_at_s or not self._is_subscribed:
            return
        self._lag_at_s = now_s + _LAG_EVERY_S
        lags = dict.fromkeys((due_topic(), retry_topic()), 0)
        try:
            for place in self._consumer.position(self._consumer.assignment()):
                _, end = self._consumer.get_watermark_offsets(place, cached=True)
                if place.offset >= 0:
                    lags[place.topic] += max(0, end - place.offset)
        except KafkaException as error:
            log.warning("lag_unknown", error=error.args[0].str())
            return
        for topic, lag in lags.items():
            metrics.kafka_lag.labels(topic=topic).set(lag)


def consume(*, is_over: Callable[[], bool], alive: Callable[[], None] = lambda: None) -> None:
    """Settles until `is_over`; finishes the batch in hand. Calls `alive` with each turn. Raises OldMessagesError."""
    poller = Poller(on_faulty=faulty_announce)
    with closing(TransferConsumer()) as consumer:
        poller.start()
        try:
            while not is_over():
                consumer.turn()
                alive()
        finally:
            poller.stop()


def _is_error(message: Message) -> bool:
    error = message.error()
    if error is not None:
        log.warning("kafka_error", error=error.str())
    return error is not None


def _offsets_committed(error: KafkaError | None, _: Sequence[TopicPartition]) -> None:
    if error is not None:
        log.warning("offsets_not_committed", error=error.str())


def _partitions_assigned(_: Consumer, partitions: Sequence[TopicPartition]) -> None:
    log.info("partitions_assigned", count=len(partitions))


def _partitions_revoked(_: Consumer, partitions: Sequence[TopicPartition]) -> None:
    log.info("partitions_revoked", count=len(partitions))
