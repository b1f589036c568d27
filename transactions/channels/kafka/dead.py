"""Looking into the dead topic, without a trace: nobody's offsets move, and what lies there stays."""

from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from transactions.channels.kafka.client import PARTITION_END, TIMED_OUT, client_options
from transactions.channels.kafka.deliveries import Delivery, delivery_of
from transactions.channels.kafka.lag import group_name
from transactions.channels.kafka.topics import dead_topic

_TIMEOUT_S = 10.0


def dead_messages() -> Iterator[Delivery]:
    """What lies there at this moment, partition by partition, the oldest first. Raises KafkaException."""
    reader = Consumer(
        client_options(
            quiet=True,
            group_id=f"{group_name()}.readers",
            enable_auto_commit=False,
            enable_partition_eof=True,
            # Somebody's transaction that is still open hides nothing from staff.
            isolation_level="read_uncommitted",
        )
    )
    try:
        for partition in reader.list_topics(dead_topic(), timeout=_TIMEOUT_S).topics[dead_topic()].partitions:
            yield from _partition_read(reader, partition)
    finally:
        reader.close()


def _partition_read(reader: Consumer, partition: int) -> Iterator[Delivery]:
    place = TopicPartition(dead_topic(), partition)
    start, end = reader.get_watermark_offsets(place, timeout=_TIMEOUT_S)
    place.offset = start
    reader.assign([place])
    while start < end:
        message = reader.poll(_TIMEOUT_S)
        if message is None:
            # Not the end: what is missing from a list of the dead must not be missing in silence.
            raise KafkaException(KafkaError(TIMED_OUT))
        error = message.error()
        if error is not None and error.code() == PARTITION_END:
            # A transaction's marker, which nobody is given, may lie behind the last message.
            return
        if error is not None:
            raise KafkaException(error)
        delivery = delivery_of(message)
        start = delivery.offset + 1
        yield delivery
