"""Writing events to Kafka in order, and knowing that they are there."""

import threading
import time
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from transactions.channels.kafka.client import client_options
from transactions.channels.kafka.topics import settled_topic
from transactions.events.messages import HEADERS, EventMessage

_POLL_S = 0.1
#: Who is asked to stop still waits so long for what is on its way, so that it need not be told twice.
_GRACE_S = 2.0


class PublishError(Exception):
    """Not everything was acknowledged. Some of it may have been written."""


class Publisher:
    """One idempotent producer, until it fails; then another."""

    def __init__(self) -> None:
        self._producer: Producer | None = None

    def publish(self, messages: Sequence[EventMessage], *, timeout_s: float, stop: threading.Event) -> None:
        """Returns once every message is acknowledged by all replicas in sync. Raises PublishError where that is not so
        in time, which is less once `stop` is set: then nothing more is written of these messages."""
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
        """Drops the producer and all that it has not sent. The next one begins again with the oldest event, so that of
        these messages the broker has the first ones, perhaps twice, but never a later one without an earlier one."""
        if self._producer is not None:
            self._producer.purge()
            self._producer = None


def _options() -> dict[str, object]:
    return client_options(
        acks="all",
        enable_idempotence=True,
        # Where the broker refuses a message for good, none after it is written either.
        enable_gapless_guarantee=True,
        # Kept until `publish` gives all of them up together: one that ran out of time by itself would be overtaken by
        # those after it.
        message_timeout_ms=0,
        linger_ms=5,
        compression_type="lz4",
        # As Kafka's own Java clients choose partitions, so that streams keyed by wallet can be joined.
        partitioner="murmur2_random",
    )
