"""Redis is away for minutes, with either channel. Transfers accepted meanwhile settle within seconds."""

import time
from collections.abc import Callable

import pytest
from pytest_django import Settings

from tests.kafka.sending import submit_many
from tests.kafka.worker import Worker as Consumer
from tests.kafka_broker import KafkaBroker
from tests.people import funded
from tests.settlement.books import assert_in_order, assert_settled, pending_count
from tests.settlement.broker import Broker
from tests.settlement.waiting import wait_until
from tests.settlement.worker import Worker
from transactions.audit import books_audit
from transactions.models import Status, Transaction

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

_AWAY_S = 150.0
#: Accepted transfers are found within a second or two; the rest is for a machine with much else to do.
_SETTLED_WITHIN_S = 30.0
_PAUSE_S = 0.5


def test_with_celery(broker: Broker, worker_start: Callable[..., Worker], settings: Settings) -> None:
    settings.TRANSFER_CHANNEL = "celery"
    worker = worker_start()

    _send_while_redis_is_away(broker)

    assert worker.process.poll() is None


@pytest.mark.kafka
def test_with_kafka(broker: Broker, channel: KafkaBroker, consumer_start: Callable[..., Consumer]) -> None:
    consumer = consumer_start(REDIS_URL=broker.url)
    consumer.wait_until_assigned()

    _send_while_redis_is_away(broker)

    consumer.stop()


def _send_while_redis_is_away(broker: Broker) -> None:
    alice, bob = funded("alice", 100_000), funded("bob")
    accepted = submit_many(alice, bob, 10)
    wait_until(lambda: pending_count() == 0, what="the settler is at work")
    broker.stop()
    over_s = time.monotonic() + _AWAY_S
    while time.monotonic() < over_s:
        accepted += submit_many(alice, bob, 10)
        assert _oldest_pending_s() < _SETTLED_WITHIN_S
        time.sleep(_PAUSE_S)
    wait_until(lambda: pending_count() == 0, what="everything is settled, with Redis still away")
    assert_settled(accepted, posted=len(accepted))

    broker.start()
    accepted += submit_many(alice, bob, 10)
    wait_until(lambda: pending_count() == 0, what="the settler is at work with Redis again")
    assert_settled(accepted, posted=len(accepted))
    assert_in_order(alice, accepted)
    assert books_audit().clean


def _oldest_pending_s() -> float:
    """For how long the oldest pending transfer has waited, in seconds; 0 if there is none."""
    oldest = (
        Transaction.objects.filter(status=Status.PENDING).order_by("id").values_list("created_at", flat=True).first()
    )
    return time.time() - oldest.timestamp() if oldest else 0.0
