"""The topics: what each is for, how it is cut up, and how long it is kept."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from django.conf import settings

from transactions.channels.kafka.client import TIMED_OUT, client_options

_TIMEOUT_S = 30.0
_POLL_S = 0.05
_FOREVER = -1
#: What came as large as a broker takes it by itself (1 MB) is put elsewhere with some words more.
_COPIES_MAX_BYTES = 10 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """`keep_ms` is how long Kafka keeps what was written, read or not; `max_bytes` how much it takes at a time, where
    that is not the broker's own limit."""

    name: str
    partitions: int
    keep_ms: int
    max_bytes: int | None = None

    @property
    def config(self) -> dict[str, str]:
        limit = {} if self.max_bytes is None else {"max.message.bytes": str(self.max_bytes)}
        return {"retention.ms": str(self.keep_ms), **limit}


def requested_topic() -> str:
    """Transfers that were asked for, keyed by their source wallet, so that those of one wallet stay in order."""
    return _name("transfers.requested")


def retry_topic() -> str:
    """Transfers that met a fault, each to be tried again at a time of its own."""
    return _name("transfers.retry")


def dead_topic() -> str:
    """What was given up: transfers that met a fault too often, and messages that nobody can read."""
    return _name("transfers.dead")


def settled_topic() -> str:
    """An event for each settled transaction, keyed by wallet."""
    return _name("transactions.settled")


def topics() -> list[Topic]:
    partitions, keep_ms = settings.KAFKA_PARTITIONS, settings.KAFKA_RETENTION_S * 1_000
    return [
        Topic(name=requested_topic(), partitions=partitions, keep_ms=_FOREVER),
        Topic(name=retry_topic(), partitions=partitions, keep_ms=_FOREVER, max_bytes=_COPIES_MAX_BYTES),
        Topic(name=dead_topic(), partitions=1, keep_ms=_FOREVER, max_bytes=_COPIES_MAX_BYTES),
        Topic(name=settled_topic(), partitions=partitions, keep_ms=keep_ms),
    ]


def topics_make() -> list[Topic]:
    """Makes the topics that are not there yet, and returns those. Raises KafkaException.

    What is there stays as it is: with another number of partitions a wallet's next transfers could overtake its
    earlier ones, so that is changed by hand, while nothing waits.
    """
    wanted = {topic.name: topic for topic in topics()}
    admin = AdminClient(client_options(quiet=True))
    new = [
        # -1: as often as the cluster copies its topics by default.
        NewTopic(topic.name, topic.partitions, -1, config=topic.config)
        for topic in wanted.values()
    ]
    made = []
    for name, future in admin.create_topics(new, operation_timeout=_TIMEOUT_S, request_timeout=_TIMEOUT_S).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        else:
            made.append(wanted[name])
    _topics_await(admin, wanted)
    return made


def _topics_await(admin: AdminClient, wanted: Mapping[str, Topic]) -> None:
    """Until the brokers know what the controller has made, so that nobody is told "unknown topic" after this."""
    deadline = time.monotonic() + _TIMEOUT_S
    while not wanted.keys() <= _topics_known(admin):
        if time.monotonic() > deadline:
            raise KafkaException(KafkaError(TIMED_OUT))
        time.sleep(_POLL_S)


def _topics_known(admin: AdminClient) -> set[str]:
    return {name for name, found in admin.list_topics(timeout=_TIMEOUT_S).topics.items() if found.partitions}


def _name(suffix: str) -> str:
    return f"{settings.KAFKA_TOPIC_PREFIX}.{suffix}"
