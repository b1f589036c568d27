"""Sending messages without waiting for the broker.

librdkafka keeps messages in memory and sends them from a thread of its own. What the broker does not take within
`KAFKA_DELIVERY_TIMEOUT_MS` is dropped and counted; polling finds the jobs.
"""

import atexit
import os
import threading
from collections.abc import Callable, Iterable, Sequence

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from django.conf import settings

from telemetry import metrics
from transactions.channels.kafka.client import FATAL, client_options
from transactions.channels.kafka.messages import Outgoing

log = structlog.get_logger(__name__)

#: More than this many messages that the broker has not taken yet are dropped.
_QUEUED_MAX = 20_000
_FLUSH_S = 1.0

Report = Callable[[KafkaError | None, Message], None]
#: By process, because a forked child has none of its parent's threads; by address, because tests change it.
_producers: dict[tuple[int, str], Producer] = {}
_making = threading.Lock()  # stops two threads from making two producers


def messages_send(messages: Iterable[Outgoing]) -> None:
    """Hands messages over to be sent, in order. Returns at once. Never raises because of Kafka: what cannot be sent is
    counted in `wallet_kafka_unacknowledged_total`."""
    try:
        producer = _producer()
        for message in messages:
            _send(producer, message, on_delivery=_reported)
        # Serves the reports on what was sent earlier; waits for nothing.
        producer.poll(0)
    except KafkaException as error:
        # Such as an option in KAFKA_CLIENT_OPTIONS that librdkafka does not know.
        log.error("kafka_producer_failed", error=str(error))


def messages_store(messages: Sequence[Outgoing], *, timeout_s: float) -> bool:
    """Sends messages that must not be lost, and waits. Returns whether the broker has taken all of them.

    A message that the broker refuses because it is too large is logged and left out: it would be refused for ever.
    """
    refused: list[KafkaError] = []

    def reported(error: KafkaError | None, message: Message) -> None:
        _reported(error, message)
        if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            log.error("message_too_large_to_store", topic=message.topic(), key=repr(message.key()))
        elif error is not None:
            refused.append(error)

    producer = _producer()
    for message in messages:
        _send(producer, message, on_delivery=reported)
    left = producer.flush(timeout_s)
    return not left and not refused


def producers_flush(timeout_s: float = _FLUSH_S) -> None:
    """Waits a moment for what this process has not sent yet, and closes its producers."""
    for name in [name for name in _producers if name[0] == os.getpid()]:
        _producers.pop(name).flush(timeout_s)


atexit.register(producers_flush)


def _send(producer: Producer, message: Outgoing, *, on_delivery: Report) -> None:
    try:
        producer.produce(
            message.topic,
            key=message.key,
            value=message.value,
            headers=list(message.headers),
            on_delivery=on_delivery,
        )
    except BufferError:
        # The broker has been away for a while.
        metrics.kafka_unacknowledged.labels(topic=message.topic).inc()


def _reported(error: KafkaError | None, message: Message) -> None:
    topic = message.topic() or "unknown"
    if error is None:
        metrics.kafka_published.labels(topic=topic).inc()
        return
    metrics.kafka_unacknowledged.labels(topic=topic).inc()
    if error.fatal() or error.code() == FATAL:
        # This producer will never send again. The next call makes another one.
        _producers.pop(_name(), None)


def _producer() -> Producer:
    name = _name()
    with _making:
        if name not in _producers:
            _producers[name] = Producer(_options())
        return _producers[name]


def _name() -> tuple[int, str]:
    return os.getpid(), settings.KAFKA_BOOTSTRAP_SERVERS


def _options() -> dict[str, object]:
    return client_options(
        # One replica is enough for a hint that may be lost.
        acks="1",
        message_timeout_ms=settings.KAFKA_DELIVERY_TIMEOUT_MS,
        queue_buffering_max_messages=_QUEUED_MAX,
        linger_ms=5,
        # A dead message is as large as it came, with some headers more.
        message_max_bytes=100_000_000,
        compression_type="lz4",
        # As Kafka's own Java clients choose partitions, so that other producers' messages of a wallet lie beside ours.
        partitioner="murmur2_random",
    )
