"""What an operator can ask about the Kafka channel."""

from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from tests.kafka.sending import settle_until, submit_many
from tests.kafka.test_unreadable import turn_until
from tests.kafka.topics import lag, publish_raw
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.topics import due_topic
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def test_what_is_published_consumed_and_waiting_is_counted(
    alice: Wallet, bob: Wallet, consumer_start: Callable[[], TransferConsumer]
) -> None:
    before = {outcome: consumed(outcome) for outcome in ("read", "unreadable")}
    accepted = submit_many(alice, bob, 8)
    publish_raw(due_topic(), b"poison", key=str(alice.id).encode())
    accepted += submit_many(alice, bob, 1)

    consumer = consumer_start()
    settle_until(consumer, accepted)
    turn_until(consumer, lambda: lag() == 0, what="all messages are dealt with")

    counted = {outcome: consumed(outcome) - before[outcome] for outcome in before}
    assert counted == {"read": 2, "unreadable": 1}
    turn_until(consumer, lambda: sample("wallet_kafka_lag") == 0, what="it says that nothing waits")
    assert sample("wallet_kafka_published_total") == 2


def sample(name: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"topic": due_topic()})


def consumed(outcome: str) -> float:
    return REGISTRY.get_sample_value("wallet_kafka_consumed_total", {"outcome": outcome}) or 0.0
