"""Fixtures that switch events on and start relays."""

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
    """Switches events on until the test ends."""
    settled_events_switch_on()
    yield
    settled_events_switch_off()


@pytest.fixture
def events_on_until_undone(db: None) -> None:
    """Switches events on in the test's database transaction, whose rollback switches them off."""
    settled_events_switch_on()


@pytest.fixture
def relay_start(events_on: None, kafka: KafkaBroker, tmp_path: Path) -> Iterator[Callable[..., RelayProcess]]:
    """Returns a function that starts a relay in its own process. All are killed when the test ends."""
    relays: list[RelayProcess] = []

    def start(*, stop_at: str = "", **environment: str) -> RelayProcess:
        relays.append(RelayProcess(folder=tmp_path, number=len(relays), stop_at=stop_at, **environment))
        return relays[-1]

    yield start
    for relay in relays:
        relay.kill()
        # Its open transaction would keep the tables from being emptied.
        relay.wait_until_gone()
