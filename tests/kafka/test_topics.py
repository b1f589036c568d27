"""Topics are made on purpose, with their partitions, and never changed."""

import pytest
from confluent_kafka.admin import AdminClient
from django.core.management import call_command
from pytest_django import Settings

from tests.kafka_broker import PARTITIONS, KafkaBroker
from transactions.channels.kafka.topics import due_topic, topics

pytestmark = pytest.mark.kafka


def test_the_command_makes_each_topic_once(
    kafka: KafkaBroker, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.KAFKA_TOPIC_PREFIX += "-more"

    call_command("kafka_topics")
    call_command("kafka_topics")

    told = capsys.readouterr().out
    assert told.count("Created ") == len(topics())
    assert told.endswith("All topics exist.\n")
    found = AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(due_topic(), timeout=10)
    assert len(found.topics[due_topic()].partitions) == PARTITIONS


def test_a_topic_that_is_there_keeps_its_partitions(kafka: KafkaBroker, settings: Settings) -> None:
    settings.KAFKA_PARTITIONS = PARTITIONS + 1

    call_command("kafka_topics", verbosity=0)

    found = AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(due_topic(), timeout=10)
    assert len(found.topics[due_topic()].partitions) == PARTITIONS
