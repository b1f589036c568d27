"""Redis is stopped while Kafka is the channel: accepted transfers settle all the same. (Minutes: tests/long.)"""

from collections.abc import Callable

import pytest

from tests.kafka.sending import submit_many, unsettled
from tests.kafka.worker import Worker
from tests.kafka_broker import KafkaBroker
from tests.people import funded
from tests.settlement.books import assert_settled
from tests.settlement.broker import Broker
from tests.settlement.conftest import broker, places
from tests.settlement.waiting import wait_until

__all__ = ["broker", "places"]

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def test_accepted_transfers_settle_while_redis_is_stopped(
    broker: Broker, channel: KafkaBroker, worker_start: Callable[..., Worker]
) -> None:
    alice, bob = funded("alice", 1_000), funded("bob")
    worker = worker_start(REDIS_URL=broker.url)
    worker.wait_until_assigned()
    broker.stop()

    accepted = [transfer for _ in range(10) for transfer in submit_many(alice, bob, 10)]

    wait_until(lambda: not unsettled(accepted), what="everything is settled without Redis")
    worker.stop()
    assert_settled(accepted, posted=100)
