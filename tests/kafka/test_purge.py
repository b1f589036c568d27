"""Kafka keeps what is not settled yet, however old it is; what was settled long ago goes."""

from collections.abc import Callable

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]
from pytest_django import Settings

from tests.kafka.people import settle_until, submit_many
from tests.kafka.topics import messages_of
from tests.kafka_broker import KafkaBroker
from tests.settlement.books import assert_settled
from tests.settlement.people import person_wallet
from transactions.channels.kafka import consumer as consuming
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.topics import dead_topic, requested_topic, retry_topic

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

Start = Callable[[], TransferConsumer]


@pytest.mark.parametrize("topic", [requested_topic, retry_topic, dead_topic])
def test_kafka_throws_nothing_away_by_its_age(channel: KafkaBroker, topic: Callable[[], str]) -> None:
    resource = ConfigResource(ResourceType.TOPIC, topic())
    admin = AdminClient({"bootstrap.servers": channel.bootstrap})
    found = admin.describe_configs([resource])
    assert found[resource].result(10)["retention.ms"].value == "-1"


def test_only_what_is_settled_is_thrown_away(
    channel: KafkaBroker, consumer_start: Start, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    settings.KAFKA_RETENTION_S = 0
    settled = submit_many(alice, bob, 20)
    consumer = consumer_start()
    settle_until(consumer, settled)
    waiting = submit_many(alice, bob, 5)

    consumer.purge()
    assert ids_in_kafka() == {transfer.id for transfer in waiting}

    # By itself, too, when it is time.
    settle_until(consumer, waiting)
    monkeypatch.setattr(consuming, "_PURGE_EVERY_S", 0.0)
    consumer.purge()
    consumer.turn()
    assert ids_in_kafka() == set()
    assert_settled([*settled, *waiting], posted=25)


def test_what_was_settled_not_long_ago_stays(channel: KafkaBroker, consumer_start: Start) -> None:
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    settled = submit_many(alice, bob, 20)
    consumer = consumer_start()
    settle_until(consumer, settled)

    consumer.purge()

    assert ids_in_kafka() == {transfer.id for transfer in settled}


def test_a_consumer_that_cannot_throw_away_goes_on(
    channel: KafkaBroker, consumer_start: Start, settings: Settings
) -> None:
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    settings.KAFKA_RETENTION_S = 0
    consumer = consumer_start()
    settle_until(consumer, submit_many(alice, bob, 5))
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:9"

    consumer.purge()

    settings.KAFKA_BOOTSTRAP_SERVERS = channel.bootstrap
    more = submit_many(alice, bob, 5)
    settle_until(consumer, more)
    assert_settled(more, posted=5)


def ids_in_kafka() -> set[int]:
    promises = [delivery.command and delivery.command.promised for delivery in messages_of(requested_topic())]
    return {promise.id for promise in promises if promise}
