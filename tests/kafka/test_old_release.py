"""Messages of the earlier release are accepted transfers: while some are left, no consumer of this one starts."""

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is exported, untyped
from confluent_kafka.cimpl import NewTopic
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.kafka.topics import publish_raw
from tests.kafka_broker import KafkaBroker
from tests.settlement.waiting import wait_until
from transactions.channels.kafka.old_release import OldMessagesError, old_release_check

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

_PARTITIONS, _TIMEOUT_S = 3, 30.0


@pytest.fixture
def old_topics(channel: KafkaBroker, settings: Settings) -> dict[str, str]:
    """The topics as the earlier release made them."""
    names = {name: f"{settings.KAFKA_TOPIC_PREFIX}.transfers.{name}" for name in ("requested", "retry", "dead")}
    admin = AdminClient({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS})
    for future in admin.create_topics([NewTopic(name, _PARTITIONS, 1) for name in names.values()]).values():
        future.result(_TIMEOUT_S)
    places = [TopicPartition(name, partition) for name in names.values() for partition in range(_PARTITIONS)]
    wait_until(lambda: _have_leaders(admin, places), what="every partition has a leader")
    return names


def _have_leaders(admin: AdminClient, places: list[TopicPartition]) -> bool:
    """Whether the broker answers for all partitions. For a moment after a topic is made, it does not."""
    asked = admin.list_offsets({place: OffsetSpec.latest() for place in places})  # type: ignore[no-untyped-call]
    return all(future.exception() is None for future in asked.values())


def old_consumers_commit(settings: Settings, offsets: list[TopicPartition]) -> None:
    """As the group of the earlier release commits."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "group.id": f"{settings.KAFKA_TOPIC_PREFIX}.settlement",
            "enable.auto.commit": False,
        }
    )
    consumer.commit(offsets=offsets, asynchronous=False)
    consumer.close()


def test_without_the_old_topics_it_starts(channel: KafkaBroker) -> None:
    old_release_check()


def test_with_empty_old_topics_it_starts(old_topics: dict[str, str]) -> None:
    old_release_check()


@pytest.mark.parametrize("name", ["requested", "retry"])
def test_it_refuses_to_start_until_the_earlier_releases_consumers_are_done(
    old_topics: dict[str, str], name: str, settings: Settings
) -> None:
    topic = old_topics[name]
    for _ in range(3):
        publish_raw(topic, b"{}", key=b"4711")
    with pytest.raises(CommandError, match="3 messages of an earlier release"):
        call_command("consume_transfers")

    committed = [TopicPartition(topic, partition, 2) for partition in range(_PARTITIONS)]
    old_consumers_commit(settings, committed)
    with pytest.raises(OldMessagesError, match="1 messages"):
        old_release_check()

    old_consumers_commit(settings, [TopicPartition(topic, partition, 3) for partition in range(_PARTITIONS)])
    old_release_check()


def test_dead_messages_of_the_earlier_release_keep_nobody_from_starting(old_topics: dict[str, str]) -> None:
    publish_raw(old_topics["dead"], b"{}")

    old_release_check()


def test_lag_of_another_sites_group_is_none_of_ours(old_topics: dict[str, str], settings: Settings) -> None:
    publish_raw(old_topics["requested"], b"{}", key=b"4711")
    settings.KAFKA_TOPIC_PREFIX += "-another"

    old_release_check()
