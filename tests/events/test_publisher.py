"""The publisher raises an error if the broker refuses events."""

import random
import threading

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pytest_django import Settings

from tests.kafka_broker import KafkaBroker
from transactions.channels.kafka.topics import settled_topic
from transactions.events.messages import EventMessage
from transactions.events.publisher import Publisher, PublishError

pytestmark = pytest.mark.kafka


def test_a_refused_message_is_an_error_and_the_next_batch_can_be_published(
    kafka: KafkaBroker, settings: Settings
) -> None:
    settings.KAFKA_TOPIC_PREFIX += "-small"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    small = NewTopic(settled_topic(), 1, 1, config={"max.message.bytes": "300"})
    admin.create_topics([small])[settled_topic()].result(30)
    publisher = Publisher()
    large = EventMessage(key=b"1", value=random.Random(5).randbytes(5_000))

    with pytest.raises(PublishError):
        publisher.publish([large], timeout_s=30, stop=threading.Event())

    publisher.publish([EventMessage(key=b"1", value=b"{}")], timeout_s=30, stop=threading.Event())
