"""What clients say of a broker that is away."""

import logging
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer
from pytest_django import Settings

from devtools.broker import ports_free
from transactions.channels.kafka.client import OnceAMinute, client_options

logger = logging.getLogger("librdkafka")


class Heard(logging.Filter):
    """Counts what librdkafka says, before anything is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        self.count += 1
        return True


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard, before = Heard(), logger.filters
    # One of its own, which has not heard what other tests did.
    logger.filters = [heard, *(OnceAMinute() if isinstance(one, OnceAMinute) else one for one in before)]
    yield heard
    logger.filters = before


def test_it_says_once_that_a_broker_is_away(heard: Heard, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = f"127.0.0.1:{ports_free(1)[0]}"
    consumer = Consumer(client_options(group_id="nobody"))
    consumer.subscribe(["nothing"])
    for _ in range(100):
        consumer.poll(0.1)
        if heard.count >= 10:
            break
    consumer.close()
    said = [record.getMessage() for record in caplog.records if record.name == "librdkafka"]
    assert heard.count >= 10
    assert len([line for line in said if "Connection refused" in line]) == 1, said
