"""Looking into the dead topic: all of it, or an error."""

import pytest
from confluent_kafka import Producer
from django.conf import settings

from tests.kafka.topics import publish_raw
from tests.kafka_broker import KafkaBroker
from transactions.channels.kafka.dead_messages import dead_messages
from transactions.channels.kafka.topics import dead_topic

pytestmark = pytest.mark.kafka


def test_the_mark_at_the_end_of_somebodys_transaction_is_no_message_that_is_missing(kafka: KafkaBroker) -> None:
    publish_raw(dead_topic(), b"first")
    stranger = Producer({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS, "transactional.id": dead_topic()})
    stranger.init_transactions(30)
    stranger.begin_transaction()
    stranger.produce(dead_topic(), b"second")
    stranger.commit_transaction(30)

    assert [message.value for message in dead_messages()] == [b"first", b"second"]
