"""What an operator can ask about the Kafka channel."""

from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY
from pytest_django import Settings

from tests.kafka.people import settle_until, submit_many
from tests.kafka.topics import publish_raw
from tests.kafka_broker import KafkaBroker
from tests.settlement.people import person_wallet
from transactions.channels.kafka import consumer as consumer_module
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.topics import requested_topic

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def test_what_is_published_consumed_and_waiting_is_counted(
    channel: KafkaBroker,
    consumer_start: Callable[[], TransferConsumer],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumer_module, "_LAG_EVERY_S", 0.0)
    alice, bob = person_wallet("alice", 5), person_wallet("bob")
    outcomes = ("posted", "failed", "unreadable")
    before = {outcome: consumed(outcome) for outcome in outcomes}
    accepted = submit_many(alice, bob, 8)
    publish_raw(requested_topic(), b"poison", key=str(alice.id).encode())
    last = submit_many(alice, bob, 1)

    consumer = consumer_start()
    settle_until(consumer, accepted + last)
    consumer.turn()

    assert {outcome: consumed(outcome) - before[outcome] for outcome in outcomes} == {
        "posted": 5,
        "failed": 4,
        "unreadable": 1,
    }
    assert REGISTRY.get_sample_value("wallet_kafka_published_total", {"topic": requested_topic()}) == 9
    assert REGISTRY.get_sample_value("wallet_kafka_lag", {"topic": requested_topic()}) == 0


def consumed(outcome: str) -> float:
    return REGISTRY.get_sample_value("wallet_kafka_consumed_total", {"outcome": outcome}) or 0.0
