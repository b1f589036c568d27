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
#: A message that says where to look is worth nothing after a day: polling has found the job long before.
_DAY_MS = 86_400_000
#: What staff have not looked at yet is not thrown away, however old it is.
_FOREVER = -1
#: A message may be as large as the broker takes it by default (1 MB); as a dead message it has some headers more.
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


def due_topic() -> str:
    """Source wallets that have jobs which are due, keyed by wallet."""
    return _name("transfers.due")


def retry_topic() -> str:
    """Source wallets with a job that met a fault, and when to look at them again."""
    return _name("transfers.retries")


def dead_topic() -> str:
    """Transfers that were given up, and unreadable messages."""
    return _name("transfers.dead-letters")


def settled_topic() -> str:
    """An event for each settled transaction, keyed by wallet."""
    return _name("transactions.settled")


def group_name() -> str:
    """The consumer group that settles transfers. Its members share the partitions."""
    return f"{settings.KAFKA_TOPIC_PREFIX}.settlers"


def topics() -> list[Topic]:
    partitions, keep_ms = settings.KAFKA_PARTITIONS, settings.KAFKA_RETENTION_S * 1_000
    return [
        Topic(name=due_topic(), partitions=partitions, keep_ms=_DAY_MS),
        Topic(name=retry_topic(), partitions=partitions, keep_ms=_DAY_MS),
        Topic(name=dead_topic(), partitions=1, keep_ms=_FOREVER, max_bytes=_COPIES_MAX_BYTES),
        Topic(name=settled_topic(), partitions=partitions, keep_ms=keep_ms),
    ]


def topics_make() -> list[Topic]:
    """Makes the missing topics, and returns those. Raises KafkaException.

    Topics that exist stay as they are.
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
    """Waits until the brokers know what the controller has made, so that no client hears "unknown topic" after this."""
    deadline = time.monotonic() + _TIMEOUT_S
    while not wanted.keys() <= _topics_known(admin):
        if time.monotonic() > deadline:
            raise KafkaException(KafkaError(TIMED_OUT))
        time.sleep(_POLL_S)


def _topics_known(admin: AdminClient) -> set[str]:
    return {name for name, found in admin.list_topics(timeout=_TIMEOUT_S).topics.items() if found.partitions}


def _name(suffix: str) -> str:
    return f"{settings.KAFKA_TOPIC_PREFIX}.{suffix}"
