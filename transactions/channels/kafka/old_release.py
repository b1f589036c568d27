"""Messages of releases before 0.2, each of which *is* an accepted transfer, without a row in Postgres.

Only that release's consumers can settle them. docs/kafka.md says how to upgrade. Until they are done, this release's
consumers refuse to start, so that nobody takes the old ones for superfluous.
"""

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is exported, untyped
from django.conf import settings

from transactions.channels.kafka.client import client_options

_TIMEOUT_S = 5.0


class OldMessagesError(Exception):
    """Transfers that an earlier release accepted are not settled yet."""


def old_release_check() -> None:
    """Raises OldMessagesError while the earlier release's topics hold transfers that its consumers have not settled,
    and KafkaException if the broker does not answer."""
    prefix = settings.KAFKA_TOPIC_PREFIX
    admin = AdminClient(client_options(quiet=True))
    known = admin.list_topics(timeout=_TIMEOUT_S).topics
    places = [
        TopicPartition(topic, partition)
        for topic in (f"{prefix}.transfers.requested", f"{prefix}.transfers.retry")
        if topic in known
        for partition in known[topic].partitions
    ]
    waiting = _waiting(admin, f"{prefix}.settlement", places) if places else 0
    if waiting:
        raise OldMessagesError(
            f"{waiting} messages of an earlier release are not settled yet. Start that release's consumers and wait "
            'until they are done: see docs/kafka.md, "Upgrading".'
        )


def _waiting(admin: AdminClient, group: str, places: list[TopicPartition]) -> int:
    """How many messages lie behind the group's committed offsets."""
    starts, ends = _offsets(admin, places, OffsetSpec.earliest()), _offsets(admin, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    committed = _committed(admin, group)
    return sum(max(0, end - max(starts[place], committed.get(place, 0))) for place, end in ends.items())


def _offsets(admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    found = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=_TIMEOUT_S)
    return {(place.topic, place.partition): future.result().offset for place, future in found.items()}


def _committed(admin: AdminClient, group: str) -> dict[tuple[str, int], int]:
    """The group's committed offsets; none if there is no such group."""
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=_TIMEOUT_S)
    try:
        found = asked[group].result().topic_partitions or []
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return {}
        raise
    return {(place.topic, place.partition): place.offset for place in found}
