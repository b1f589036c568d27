"""Publishing: a message counts as published when the broker has acknowledged it, and not before.

The producer is idempotent (the broker drops what a resending brings twice, and keeps the order) and waits for all
in-sync replicas. One for each process, made at its first use, because librdkafka's threads do not survive a fork.
"""

import atexit
import os
import threading
from collections import Counter
from collections.abc import Sequence
from functools import partial

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from django.conf import settings

from kit.redis.circuit_breaker import CircuitBreaker
from telemetry import metrics
from transactions.kafka.client import FATAL, QUEUE_FULL, TIMED_OUT, client_options
from transactions.kafka.messages import Outgoing

log = structlog.get_logger(__name__)

#: The producer itself gives a message up within the delivery timeout; a moment more, and nobody is told anything.
_REPORT_GRACE_S = 1.0
_POLL_S = 0.2
#: After a failure nobody waits for the broker for so long: who accepts is answered at once that it is away.
breaker = CircuitBreaker("Kafka", rest_s=1.0)

_lines: dict[tuple[str, int], "_Line"] = {}
_making = threading.Lock()  # stops two threads from making two producers


class UnsentError(Exception):
    """The broker was away a moment ago, and nothing was sent to it."""


def messages_publish(messages: Sequence[Outgoing]) -> list[bool]:
    """Publishes, in order, and waits; whether the broker has acknowledged each.

    False says that nobody knows: the message may be lost, or may have arrived all the same. So whoever publishes it
    once more does so under the same id, for whoever reads both. Raises UnsentError.
    """
    if not messages:
        return []
    if not breaker.may_try():
        raise UnsentError
    reports = _Reports(len(messages))
    _line().publish(messages, reports)
    _count(messages, reports.acknowledged)
    if all(reports.acknowledged):
        breaker.succeeded()
    else:
        breaker.failed(KafkaException(reports.error))
        log.warning("messages_unacknowledged", count=reports.acknowledged.count(False), error=reports.error.str())
    return list(reports.acknowledged)


@atexit.register
def lines_close() -> None:
    """Ends this process's producers. Nothing is lost with them: whoever published has waited for the answer."""
    for name in [name for name in _lines if name[1] == os.getpid()]:
        _lines.pop(name).close()


def _count(messages: Sequence[Outgoing], acknowledged: Sequence[bool]) -> None:
    counts = Counter(zip((message.topic for message in messages), acknowledged, strict=True))
    for (topic, arrived), count in counts.items():
        (metrics.kafka_published if arrived else metrics.kafka_unacknowledged).labels(topic=topic).inc(count)


class _Reports:
    """What the broker has said about each of some messages; written by the line's thread."""

    def __init__(self, count: int) -> None:
        self.acknowledged = [False] * count
        self.error = KafkaError(TIMED_OUT)
        self.complete = threading.Event()
        self._open = count
        self._lock = threading.Lock()  # stops two threads from counting one down to the same number

    def take(self, number: int, error: KafkaError | None, _: Message | None = None) -> None:
        self.acknowledged[number] = error is None
        self.error = error or self.error
        with self._lock:
            self._open -= 1
            if not self._open:
                self.complete.set()


class _Line:
    """A producer, and the thread that takes the broker's reports and hands each to whoever waits for it."""

    def __init__(self) -> None:
        self._producer = Producer(_options())
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="kafka-reports", daemon=True)
        self._thread.start()

    def publish(self, messages: Sequence[Outgoing], reports: _Reports) -> None:
        for number, message in enumerate(messages):
            try:
                self._producer.produce(
                    message.topic,
                    key=message.key,
                    value=message.value,
                    headers=list(message.headers),
                    on_delivery=partial(reports.take, number),
                )
            except BufferError:
                # Its queue is full of what the broker does not take.
                reports.take(number, KafkaError(QUEUE_FULL))
            except KafkaException as error:
                reports.take(number, error.args[0])
        reports.complete.wait(settings.KAFKA_DELIVERY_TIMEOUT_MS / 1_000 + _REPORT_GRACE_S)
        if reports.error.fatal() or reports.error.code() == FATAL:
            # This producer will never send again; the next call makes another one.
            with _making:
                # Unless another thread has done so already.
                if _lines.get(_line_name()) is self:
                    del _lines[_line_name()]

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._is_over.is_set():
            self._producer.poll(_POLL_S)


def _line() -> _Line:
    name = _line_name()
    with _making:
        return _lines.get(name) or _lines.setdefault(name, _Line())


def _line_name() -> tuple[str, int]:
    """By process, because a forked child has none of its parent's threads; by address, so that it may change."""
    return settings.KAFKA_BOOTSTRAP_SERVERS, os.getpid()


def _options() -> dict[str, object]:
    return client_options(
        enable_idempotence=True,
        acks="all",
        delivery_timeout_ms=settings.KAFKA_DELIVERY_TIMEOUT_MS,
        request_timeout_ms=settings.KAFKA_DELIVERY_TIMEOUT_MS,
        # A bulk's messages go out together; a single one does not wait for company.
        linger_ms=1,
        # What a consumer could fetch it must be able to put elsewhere, and compressed it was smaller.
        message_max_bytes=100_000_000,
        compression_type="lz4",
        # By the same checksum as Java's clients, so that other producers' messages of a wallet land beside ours.
        partitioner="murmur2_random",
    )
