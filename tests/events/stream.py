"""A consumer of the events, written as docs/events.md recommends."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from django.conf import settings

from transactions.channels.kafka.topics import settled_topic

_TIMEOUT_S = 60.0


@dataclass(slots=True)
class Reader:
    """Collects events. `received` has all messages, with duplicates; `known` has each event once, by wallet id."""

    received: list[dict[str, Any]] = field(default_factory=list)
    known: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    keys: set[tuple[str, int]] = field(default_factory=set)

    def receive(self, key: bytes, value: bytes, partition: int) -> None:
        event = json.loads(value)
        assert key == event["wallet"].encode()
        self.keys.add((event["wallet"], partition))
        self.received.append(event)
        told = self.known.setdefault(event["wallet"], [])
        if not told or event["position"] > told[-1]["position"]:
            told.append(event)

    @property
    def count(self) -> int:
        return sum(map(len, self.known.values()))

    def sequences(self, wallet_id: int) -> list[int]:
        return [event["entry"]["sequence"] for event in self.known.get(str(wallet_id), []) if event["entry"]]


def stream_read(*, until: Callable[[Reader], bool]) -> Reader:
    """Reads every partition from its beginning until the condition holds."""
    reader = Reader()
    consumer = Consumer({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS, "group.id": "reader", "log_level": 0})
    try:
        consumer.assign([TopicPartition(settled_topic(), number, 0) for number in range(settings.KAFKA_PARTITIONS)])
        deadline = time.monotonic() + _TIMEOUT_S
        while not until(reader):
            assert time.monotonic() < deadline, f"only {reader.count} different events came"
            for message in consumer.consume(1_000, timeout=0.1):
                assert message.error() is None, message.error()
                key, value, partition = message.key(), message.value(), message.partition()
                assert isinstance(key, bytes)
                assert isinstance(value, bytes)
                assert partition is not None
                reader.receive(key, value, partition)
    finally:
        consumer.close()
    return reader


def stream_read_events(count: int) -> Reader:
    """Reads until `count` different events have come."""
    return stream_read(until=lambda reader: reader.count >= count)
