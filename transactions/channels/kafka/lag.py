"""How far the consumers have come, as the broker knows it."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is exported, untyped
from django.conf import settings
from django.utils import timezone

from transactions.channels.kafka.client import client_options
from transactions.channels.kafka.topics import requested_topic, retry_topic

_TIMEOUT_S = 2.0


def group_name() -> str:
    """The consumer group that settles transfers: all that belong to it share the partitions."""
    return f"{settings.KAFKA_TOPIC_PREFIX}.settlement"


def settled_until(since: datetime) -> datetime | None:
    """A moment before which everything that was published is on record by now: later than `since`, or just now. None
    where there is none, or where Kafka is away."""
    global _settled_seen  # noqa: PLW0603 - what this process has found out
    topic = requested_topic()
    if _settled_seen is not None and _settled_seen[0] > since and _settled_seen[1] == topic:
        return _settled_seen[0]
    admin = AdminClient(client_options(quiet=True))
    try:
        seen_at, ends = _ends_after(admin, since)
        if not _reached(_committed(admin), ends):
            return None
        # What they met a fault with is in the other topic by now, and may go round there. It is settled only if at one
        # moment nothing was there: first how far they are, then where it ends.
        committed = _committed(admin)
        if not _reached(committed, _ends(admin, retry_topic())):
            return None
    except (KafkaException, KeyError):
        return None
    # It stays true: what was settled once is not asked for again.
    _settled_seen = (seen_at, topic)
    return seen_at


_Offsets = Mapping[tuple[str, int], int]
_settled_seen: tuple[datetime, str] | None = None
_ends_seen: tuple[datetime, str, _Offsets] | None = None


def _ends_after(admin: AdminClient, since: datetime) -> tuple[datetime, _Offsets]:
    """How far the consumers had to come at a moment after `since`, the same one whenever this is asked again: while
    more and more arrives they never come to the end of it all, but to that they do."""
    global _ends_seen  # noqa: PLW0603 - what this process has seen
    topic = requested_topic()
    if _ends_seen is None or _ends_seen[0] < since or _ends_seen[1] != topic:
        now = timezone.now()
        _ends_seen = (now, topic, _ends(admin, topic))
    seen_at, _, ends = _ends_seen
    return seen_at, ends


def _ends(admin: AdminClient, topic: str) -> _Offsets:
    """Where each partition ends; those that never held anything, or hold nothing any more, are left out."""
    partitions = admin.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
    if not partitions:
        # There is no such topic yet: nothing was ever published.
        return {}
    ends = _offsets(admin, topic, partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    starts = _offsets(admin, topic, partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    return {place: end for place, end in ends.items() if end > starts[place]}


def _offsets(admin: AdminClient, topic: str, partitions: Iterable[int], spec: OffsetSpec) -> _Offsets:
    wanted = {TopicPartition(topic, number): spec for number in partitions}
    found = admin.list_offsets(wanted, request_timeout=_TIMEOUT_S)
    return {(topic, place.partition): future.result().offset for place, future in found.items()}


def _committed(admin: AdminClient) -> _Offsets:
    group = group_name()
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=_TIMEOUT_S)
    found = asked[group].result().topic_partitions or []
    return {(place.topic, place.partition): place.offset for place in found}


def _reached(committed: _Offsets, ends: _Offsets) -> bool:
    return all(committed.get(place, -1) >= end for place, end in ends.items())
