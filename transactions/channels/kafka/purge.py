"""Throwing away messages that were settled long ago.

Kafka itself would throw away by age alone, and with a consumer that was away for too long, or a clock that was wrong,
an accepted transfer nobody has settled yet. So its topics keep everything, and consumers say what may go.
"""

import time
from collections.abc import Sequence

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from django.conf import settings

from transactions.channels.kafka.client import client_options

log = structlog.get_logger(__name__)

#: Consumers that are at work must not wait for it longer than this, step by step.
_TIMEOUT_S = 5.0


def settled_purge(consumer: Consumer, places: Sequence[TopicPartition]) -> None:
    """Deletes from these partitions what lies before the group's committed offset and is older than
    `KAFKA_RETENTION_S`. Where the broker does not let us, everything stays, and the log says so."""
    try:
        cuts = _cuts(consumer, places) if places else []
        if not cuts:
            return
        # Named: its answers end with the last mention of it.
        admin = AdminClient(client_options(quiet=True))
        deleted = admin.delete_records(cuts, request_timeout=_TIMEOUT_S)
        for future in deleted.values():
            future.result()
    except KafkaException as error:
        log.warning("settled_messages_kept", error=error.args[0].str())


def _cuts(consumer: Consumer, places: Sequence[TopicPartition]) -> list[TopicPartition]:
    """Before which offset each partition's messages may go; partitions of which none may are left out."""
    before_ms = int((time.time() - settings.KAFKA_RETENTION_S) * 1_000)
    asked = [TopicPartition(place.topic, place.partition, before_ms) for place in places]
    young = {_name(place): place.offset for place in consumer.offsets_for_times(asked, timeout=_TIMEOUT_S)}
    cuts = []
    for place in consumer.committed(list(places), timeout=_TIMEOUT_S):
        first_young = young[_name(place)]
        # Negative: no message is so young, or nothing is committed yet.
        end = min(place.offset, first_young) if first_young >= 0 else place.offset
        if end > consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)[0]:
            cuts.append(TopicPartition(place.topic, place.partition, end))
    return cuts


def _name(place: TopicPartition) -> tuple[str, int]:
    return place.topic, place.partition
