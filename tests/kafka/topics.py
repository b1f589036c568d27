"""What lies in a topic, what the group has done with, and putting into a topic what none of ours would."""

from contextlib import suppress

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from django.conf import settings

from tests.settlement.waiting import wait_until
from transactions.channels.kafka.messages import Incoming, incoming
from transactions.channels.kafka.topics import due_topic, group_name, retry_topic

_TIMEOUT_S = 10.0


def messages_of(topic: str) -> list[Incoming]:
    """Everything in a topic, read without a trace."""
    reader = _reader()
    try:
        ends = _ends(reader, topic)
        reader.assign([TopicPartition(topic, number, low) for number, (low, _) in ends.items()])
        found = [_next(reader) for _ in range(sum(high - low for low, high in ends.values()))]
        return sorted(found, key=lambda message: (message.partition, message.offset))
    finally:
        reader.close()


def lag() -> int:
    """How many messages of the due and the retry topic lie behind the offsets that the group has committed."""
    reader, admin = _reader(), AdminClient({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS})
    try:
        ends = {
            (topic, number): high
            for topic in (due_topic(), retry_topic())
            for number, (_, high) in _ends(reader, topic).items()
        }
    finally:
        reader.close()
    (asked,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group_name())]).values()
    done = {(place.topic, place.partition): max(0, place.offset) for place in asked.result().topic_partitions or []}
    return sum(end - done.get(place, 0) for place, end in ends.items())


def publish_raw(topic: str, value: bytes | None, *, key: bytes | None = None) -> None:
    """Somebody else's message, which may be larger than one of ours; in the partition of its key, as ours are."""
    options = {"message.max.bytes": 200_000_000, "compression.type": "lz4", "partitioner": "murmur2_random"}
    producer = Producer({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS, **options})
    producer.produce(topic, value, key)
    assert producer.flush(_TIMEOUT_S) == 0


def _reader() -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "group.id": "reader",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 50,
        }
    )


def _ends(reader: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    partitions = reader.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
    return {number: _end(reader, TopicPartition(topic, number)) for number in partitions}


def _end(reader: Consumer, place: TopicPartition) -> tuple[int, int]:
    """The first and the next offset of a partition, which may have been made just now and have no leader yet."""
    found: list[tuple[int, int]] = []

    def answered() -> bool:
        with suppress(KafkaException):
            found.append(reader.get_watermark_offsets(place, timeout=_TIMEOUT_S))
        return bool(found)

    wait_until(answered, what=f"{place} has a leader")
    return found[0]


def _next(reader: Consumer) -> Incoming:
    message = reader.poll(_TIMEOUT_S)
    assert message is not None
    assert message.error() is None
    return incoming(message, with_headers=True)
