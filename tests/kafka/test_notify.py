"""Telling Kafka never raises and never waits, whatever is wrong with it: the transfers are accepted already."""

import time
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from pytest_django import Settings

from devtools.broker import ports_free
from tests.kafka.sending import submit
from tests.kafka.topics import messages_of
from tests.kafka_broker import KafkaBroker
from tests.people import funded
from tests.settlement.processes import processes_run
from tests.settlement.waiting import wait_until
from transactions.channels import channel
from transactions.channels.kafka.producer import producers_flush
from transactions.channels.kafka.topics import due_topic


@pytest.fixture
def nobody(settings: Settings) -> Iterator[str]:
    """Kafka is the channel, and nobody listens where its broker should be."""
    settings.TRANSFER_CHANNEL = "kafka"
    settings.KAFKA_BOOTSTRAP_SERVERS = f"127.0.0.1:{ports_free(1)[0]}"
    settings.KAFKA_DELIVERY_TIMEOUT_MS = 1_000
    settings.KAFKA_TOPIC_PREFIX = f"nobody-{time.monotonic_ns()}"
    yield settings.KAFKA_BOOTSTRAP_SERVERS
    producers_flush(0)


@pytest.mark.parametrize(
    "options",
    [
        {"no.such.option": "1"},
        {"message.timeout.ms": "soon"},
        {"error_cb": "print"},
        {"default.topic.config": "none"},
        {"security.protocol": "ssl", "ssl.ca.location": "/nowhere"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_that_no_producer_can_be_made_with_refuse_no_transfer(
    transactional_db: None, nobody: str, settings: Settings, options: dict[str, str]
) -> None:
    settings.KAFKA_CLIENT_OPTIONS = options
    alice, bob = funded("alice", 10), funded("bob")

    assert submit(alice, bob).status == "pending"

    assert unacknowledged() == 1


def test_a_broker_that_was_never_there_makes_nobody_wait_and_what_it_was_not_told_is_counted(nobody: str) -> None:
    started_s = time.monotonic()
    for source_id in range(1, 5_001):
        channel().notify([source_id])
    took_s = time.monotonic() - started_s

    assert took_s < 5.0

    def all_counted() -> bool:
        channel().notify([])
        return unacknowledged() == 5_000

    wait_until(all_counted, what="every message has been given up")


def test_what_the_producer_has_no_room_for_is_dropped_and_counted(nobody: str, settings: Settings) -> None:
    settings.KAFKA_DELIVERY_TIMEOUT_MS = 60_000
    settings.KAFKA_CLIENT_OPTIONS = {"queue.buffering.max.messages": "2"}

    channel().notify(range(1, 6))

    assert unacknowledged() == 3


@pytest.mark.kafka
def test_a_child_that_was_forked_after_its_parent_had_notified_notifies_too(
    kafka: KafkaBroker, settings: Settings
) -> None:
    settings.TRANSFER_CHANNEL = "kafka"
    channel().notify([1])
    producers_flush(30)
    channel().notify([2])

    processes_run(_notify, [([3],), ([4],)])

    producers_flush(30)
    assert sorted(int(message.key or b"0") for message in messages_of(due_topic())) == [1, 2, 3, 4]


def _notify(source_ids: list[int]) -> None:
    channel().notify(source_ids)
    producers_flush(30)


def unacknowledged() -> float:
    return REGISTRY.get_sample_value("wallet_kafka_unacknowledged_total", {"topic": due_topic()}) or 0.0
