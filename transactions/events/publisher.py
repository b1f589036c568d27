"""Writing events to Kafka in order, and waiting for their acknowledgement."""

import threading
import time
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from transactions.channels.kafka.client import client_options
from transactions.channels.kafka.topics import settled_topic
from transactions.events.messages import HEADERS, EventMessage

_POLL_S = 0.1
#: After a request to stop, `publish` still waits this long for acknowledgements, which saves publishing events twice.
_GRACE_S = 2.0


class PublishError(Exception):
    """Not all messages were acknowledged. Some of them may have been written."""


class Publisher:
    """Publishes with one idempotent producer, and replaces the producer after a failure."""

    def __init__(self) -> None:
        self._producer: Producer | None = None

    def publish(self, messages: Sequence[EventMessage], *, timeout_s: float, stop: threading.Event) -> None:
        """Publishes the messages, and returns when all in-sync replicas have acknowledged all of them.

        Raises PublishError if they are not acknowledged within `timeout_s`, or within two seconds once `stop` is set.
        The producer is dropped then, and with it every message that it has not sent yet.
        """
        errors: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                errors.append(error)

        started_s = time.monotonic()
        try:
            producer = self._producer = self._producer or Producer(_options())
            topic = settled_topic()
            for message in messages:
                producer.produce(topic, message.value, message.key, on_delivery=delivered, headers=HEADERS)
            while producer.flush(_POLL_S):
                if time.monotonic() - started_s > (min(timeout_s, _GRACE_S) if stop.is_set() else timeout_s):
                    raise PublishError("not acknowledged in time")
            if errors:
                raise PublishError(errors[0].str())
        except (KafkaException, BufferError) as error:
            self._abandon()
            raise PublishError(str(error)) from error
        except PublishError:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Drops the producer and all messages that it has not sent.

        The next producer starts again with the oldest event. The broker may get some messages twice, but it never has
        a later message without the earlier ones.
        """
        if self._producer is not None:
            self._producer.purge()
            self._producer = None


def _options() -> dict[str, object]:
    return client_options(
        acks="all",
        enable_idempotence=True,
        # If the broker refuses a message for good, no later message is written either.
        enable_gapless_guarantee=True,
        # Messages never expire one by one: later messages would overtake an expired one. `publish` drops all of them
        # together instead.
        message_timeout_ms=0,
        linger_ms=5,
        compression_type="lz4",
        # The partitioner of Kafka's Java clients, so that consumers can join these events with other topics that are
        # keyed by wallet.
        partitioner="murmur2_random",
    )
