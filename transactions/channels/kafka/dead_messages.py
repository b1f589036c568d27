"""Reading the dead-letter topic. No offsets move, and every message stays."""

from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from transactions.channels.kafka.client import PARTITION_END, TIMED_OUT, client_options
from transactions.channels.kafka.messages import Incoming, incoming
from transactions.channels.kafka.topics import dead_topic, group_name

_TIMEOUT_S = 10.0


def dead_messages() -> Iterator[Incoming]:
    """The messages in it now, partition by partition, oldest first. Raises KafkaException."""
    reader = Consumer(
        client_options(
            quiet=True,
            group_id=f"{group_name()}.readers",
            enable_auto_commit=False,
            enable_partition_eof=True,
            # A transaction that somebody has left open must not hide messages from staff.
            isolation_level="read_uncommitted",
        )
    )
    try:
        for partition in reader.list_topics(dead_topic(), timeout=_TIMEOUT_S).topics[dead_topic()].partitions:
            yield from _partition_read(reader, partition)
    finally:
        reader.close()


def _partition_read(reader: Consumer, partition: int) -> Iterator[Incoming]:
    place = TopicPartition(dead_topic(), partition)
    start, end = reader.get_watermark_offsets(place, timeout=_TIMEOUT_S)
    place.offset = start
    reader.assign([place])
    while start < end:
        message = reader.poll(_TIMEOUT_S)
        if message is None:
            # Not the end: an incomplete list must not look complete.
            raise KafkaException(KafkaError(TIMED_OUT))
        error = message.error()
        if error is not None and error.code() == PARTITION_END:
            # A transaction's marker, which is never delivered, may follow the last message.
            return
        if error is not None:
            raise KafkaException(error)
        dead = incoming(message, with_headers=True)
        start = dead.offset + 1
        yield dead
