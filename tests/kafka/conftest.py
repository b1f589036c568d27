"""The Kafka channel's tests: the channel switched on, and consumers in this process or in others."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.kafka.worker import Worker, workers_gone
from tests.kafka_broker import KafkaBroker
from tests.people import funded
from transactions.channels.kafka.consumer import TransferConsumer
from wallets.models import Wallet

#: A broker that has just started, on a machine with much to do, may take a while to answer.
PATIENCE_MS = 20_000


@pytest.fixture
def channel(transactional_db: None, kafka: KafkaBroker, settings: Settings) -> KafkaBroker:
    """Kafka is the channel."""
    settings.TRANSFER_CHANNEL = "kafka"
    settings.KAFKA_SESSION_TIMEOUT_MS = 1_500
    settings.KAFKA_DELIVERY_TIMEOUT_MS = PATIENCE_MS
    return kafka


@pytest.fixture
def alice(channel: KafkaBroker) -> Wallet:
    return funded("alice", 5_000)


@pytest.fixture
def bob(channel: KafkaBroker) -> Wallet:
    return funded("bob", 5_000)


@pytest.fixture
def charlie(channel: KafkaBroker) -> Wallet:
    return funded("charlie")


@pytest.fixture
def consumer_start(channel: KafkaBroker) -> Iterator[Callable[[], TransferConsumer]]:
    """A consumer in this process, turn by turn. It does not poll the job table."""
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

    def start(**environment: str) -> Worker:
        workers.append(Worker(log=tmp_path / f"consumer{len(workers)}.log", **environment))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
    # Or the tables could not be emptied.
    workers_gone()
