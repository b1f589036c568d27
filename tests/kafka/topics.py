"""What lies in a topic, and putting into it what nobody of ours would."""

from collections.abc import Mapping
from dataclasses import replace

from confluent_kafka import Consumer, Producer, TopicPartition
from django.conf import settings

from transactions.channels.kafka.deliveries import Delivery, delivery_of
from transactions.channels.kafka.messages import UnreadableError, transfer_decode

_TIMEOUT_S = 10.0


def messages_of(topic: str) -> list[Delivery]:
    """Everything in a topic, read without a trace."""
    reader = Consumer(
        {
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "group.id": "reader",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 50,
        }
    )
    try:
        places = [TopicPartition(topic, number) for number in _partitions(reader, topic)]
        ends = [reader.get_watermark_offsets(place, timeout=_TIMEOUT_S) for place in places]
        for place, (low, _) in zip(places, ends, strict=True):
            place.offset = low
        reader.assign(places)
        found = [_next(reader) for _ in range(sum(high - low for low, high in ends))]
        return sorted(found, key=lambda delivery: (delivery.partition, delivery.offset))
    finally:
        reader.close()


def _partitions(reader: Consumer, topic: str) -> list[int]:
    return list(reader.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions)


def _next(reader: Consumer) -> Delivery:
    message = reader.poll(_TIMEOUT_S)
    assert message is not None
    assert message.error() is None
    return _read(delivery_of(message))


def publish_raw(
    topic: str, value: bytes | None, *, key: bytes | None = None, headers: Mapping[str, bytes] | None = None
) -> None:
    """Somebody else's message, which may be larger than one of ours; in the partition of its key, as ours are."""
    options = {"message.max.bytes": 10_000_000, "compression.type": "lz4", "partitioner": "murmur2_random"}
    producer = Producer({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS, **options})
    producer.produce(topic, value, key, headers=list((headers or {}).items()))
    assert producer.flush(_TIMEOUT_S) == 0


def _read(delivery: Delivery) -> Delivery:
    try:
        return replace(delivery, command=transfer_decode(delivery.value))
    except UnreadableError:
        return delivery
