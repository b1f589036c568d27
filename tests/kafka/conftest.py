"""The Kafka channel's tests: the channel switched on, and consumers in this process or in others."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.kafka.worker import Worker, workers_gone
from tests.kafka_broker import KafkaBroker
from transactions.channels.kafka import producer
from transactions.channels.kafka.consumer import TransferConsumer

#: A broker that has just started, on a machine with much to do, may take a while to answer.
PATIENCE_MS = 20_000


@pytest.fixture
def channel(transactional_db: None, kafka: KafkaBroker, settings: Settings) -> KafkaBroker:
    """Transfers go through Kafka."""
    settings.TRANSFER_CHANNEL = "kafka"
    settings.KAFKA_SESSION_TIMEOUT_MS = 1_500
    settings.KAFKA_DELIVERY_TIMEOUT_MS = PATIENCE_MS
    producer.breaker.succeeded()
    return kafka


@pytest.fixture
def consumer_start(channel: KafkaBroker) -> Iterator[Callable[[], TransferConsumer]]:
    """A consumer in this process, turn by turn."""
    consumers: list[TransferConsumer] = []

    def start() -> TransferConsumer:
        consumers.append(TransferConsumer())
        return consumers[-1]

    yield start
    for consumer in consumers:
        consumer.close()


@pytest.fixture
def worker_start(channel: KafkaBroker, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts consumers as processes of their own. All are gone when the test is over."""
    workers: list[Worker] = []

    def start(*, die_at: str = "") -> Worker:
        workers.append(Worker(log=tmp_path / f"worker{len(workers)}.log", die_at=die_at))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
    # Or the tables could not be emptied.
    workers_gone()
