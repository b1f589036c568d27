"""The events' tests: the switch on, relays of this process and of others, and a reader of the stream."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.events.relays import RelayProcess
from tests.kafka.conftest import channel, consumer_start
from tests.kafka_broker import KafkaBroker
from transactions.events.switch import settled_events_switch_off, settled_events_switch_on

__all__ = ["channel", "consumer_start"]


@pytest.fixture
def events_on(transactional_db: None) -> Iterator[None]:
    """Everything that settles is told of, until the test is over."""
    settled_events_switch_on()
    yield
    settled_events_switch_off()


@pytest.fixture
def events_on_until_undone(db: None) -> None:
    """The same for a test that runs in one database transaction: the switch is undone with all the rest."""
    settled_events_switch_on()


@pytest.fixture
def relay_start(events_on: None, kafka: KafkaBroker, tmp_path: Path) -> Iterator[Callable[..., RelayProcess]]:
    """Starts a relay in a process of its own. All are gone when the test is over."""
    relays: list[RelayProcess] = []

    def start(*, stop_at: str = "", **environment: str) -> RelayProcess:
        relays.append(RelayProcess(folder=tmp_path, number=len(relays), stop_at=stop_at, **environment))
        return relays[-1]

    yield start
    for relay in relays:
        relay.kill()
        # Or the tables could not be emptied.
        relay.wait_until_gone()
