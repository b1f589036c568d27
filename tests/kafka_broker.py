"""The Kafka broker of a test run: one for all tests, started by the first that needs it."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pytest_django import Settings

from devtools.broker import BrokerPlaces, broker_fetch, broker_server, ports_free
from devtools.servers import Server
from tests.servers import RUN_DIR
from transactions.channels.kafka.producer import producers_flush
from transactions.channels.kafka.topics import topics_make

#: Few, so that a consumer takes them over quickly; enough for three consumers.
PARTITIONS = 4


@dataclass(slots=True)
class KafkaBroker:
    """A real broker, which may be killed and started again."""

    places: BrokerPlaces
    server: Server

    @property
    def bootstrap(self) -> str:
        return self.places.bootstrap

    def kill(self) -> None:
        """kill -9. Acknowledged messages survive: they are on disk or in the page cache, which outlives the process."""
        process = self.server.process
        assert process is not None
        process.kill()
        process.wait()

    def start(self) -> None:
        """Starts it where it does not run; returns once it answers."""
        if not self.server.is_running():
            self.server.start()


@pytest.fixture(scope="session")
def kafka_process(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """The run's one broker."""
    # The folder of the run's other servers, so that a later run stops and removes what a killed one left behind.
    root = pytestconfig.stash.get(RUN_DIR, None) or tmp_path_factory.mktemp("kafka")
    broker_fetch()
    port, controller_port = ports_free(2)
    places = BrokerPlaces(root / "kafka", port, controller_port)
    broker = KafkaBroker(places, broker_server(places, run_dir=root))
    broker.start()
    yield broker
    producers_flush()
    broker.server.stop()


@pytest.fixture
def kafka(kafka_process: KafkaBroker, settings: Settings) -> KafkaBroker:
    """The broker, running, with topics of this test's own, so that no test reads another one's messages."""
    kafka_process.start()
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka_process.bootstrap
    settings.KAFKA_TOPIC_PREFIX = f"test-{uuid.uuid4().hex[:12]}"
    settings.KAFKA_PARTITIONS = PARTITIONS
    topics_make()
    return kafka_process
