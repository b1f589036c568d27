"""Sending messages without waiting for the broker.

librdkafka keeps messages in memory and sends them from a thread of its own. What the broker does not take within
`KAFKA_DELIVERY_TIMEOUT_MS` is dropped and counted; polling finds the jobs.
"""

import atexit
import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

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


def messages_send(messages: Sequence[Outgoing]) -> None:
    """Hands messages over to be sent, in order. Returns at once and never raises: what cannot be sent is counted in
    `wallet_kafka_unacknowledged_total`."""
    try:
        producer = _producer()
    except Exception as error:  # noqa: BLE001 - the transfers are accepted, and no mistake in the settings undoes that
        # Such as an option in KAFKA_CLIENT_OPTIONS that librdkafka does not know.
        log.error("kafka_producer_failed", error=f"{type(error).__name__}: {error}")
        for message in messages:
            metrics.kafka_unacknowledged.labels(topic=message.topic).inc()
        return
    for message in messages:
        try:
            producer.produce(**_arguments(message), on_delivery=_reported)
        except (BufferError, KafkaException):
            # The queue is full, because the broker has been away for a while.
            metrics.kafka_unacknowledged.labels(topic=message.topic).inc()
    # Serves the reports on what was sent earlier; waits for nothing.
    producer.poll(0)


def messages_store(messages: Sequence[Outgoing], *, timeout_s: float) -> bool:
    """Sends messages that must not be lost, and waits. Returns whether the broker has taken all of them. Raises
    KafkaException if there can be no producer.

    A message that is too large for the producer or the broker is logged and left out: it would be refused for ever.
    """
    refused: list[KafkaError | None] = []

    def reported(error: KafkaError | None, message: Message) -> None:
        _reported(error, message)
        if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            _too_large(message.topic(), message.key())
        elif error is not None:
            refused.append(error)

    producer = _producer()
    for message in messages:
        try:
            producer.produce(**_arguments(message), on_delivery=reported)
        except BufferError:
            refused.append(None)
            break
        except KafkaException as error:
            if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
            _too_large(message.topic, message.key)
    left = producer.flush(timeout_s)
    return not left and not refused


def producers_flush(timeout_s: float = _FLUSH_S) -> None:
    """Waits a moment for what this process has not sent yet, and closes its producers."""
    for name in [name for name in _producers if name[0] == os.getpid()]:
        _producers.pop(name).flush(timeout_s)


atexit.register(producers_flush)


def _arguments(message: Outgoing) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "key": message.key,
        "value": message.value,
        "headers": list(message.headers),
    }


def _reported(error: KafkaError | None, message: Message) -> None:
    topic = message.topic() or "unknown"
    if error is None:
        metrics.kafka_published.labels(topic=topic).inc()
        return
    metrics.kafka_unacknowledged.labels(topic=topic).inc()
    if error.fatal() or error.code() == FATAL:
        # This producer will never send again. The next call makes another one.
        _producers.pop(_name(), None)


def _too_large(topic: str | None, key: object) -> None:
    log.error("message_too_large_to_store", topic=topic, key=repr(key))


def _producer() -> Producer:
    name = _name()
    with _making:
        if name not in _producers:
            _producers[name] = Producer(_options())
        return _producers[name]


def _name() -> tuple[int, str]:
    return os.getpid(), settings.KAFKA_BOOTSTRAP_SERVERS


def _forked() -> None:
    """Prepares a child for a producer of its own.

    Only for safety: librdkafka does not support a fork while its threads run, so processes fork before they send.
    """
    global _making  # noqa: PLW0603
    # Another thread of the parent may have held the lock, and would never let go of it in the child.
    _making = threading.Lock()
    for producer in _producers.values():
        # Never destroyed here, not even at exit: librdkafka would wait for the threads that the parent alone has.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(producer))


os.register_at_fork(after_in_child=_forked)


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
