"""Fixtures that switch events on and start relays."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.events.relays import RelayProcess
from tests.events.switching import events_switch_off, events_switch_on
from tests.kafka.conftest import channel, consumer_start
from tests.kafka_broker import KafkaBroker

__all__ = ["channel", "consumer_start"]


@pytest.fixture
def events_on(transactional_db: None) -> Iterator[None]:
    """Switches events on until the test ends."""
    events_switch_on()
    yield
    events_switch_off()


@pytest.fixture
def events_on_until_undone(db: None) -> None:
    """Switches events on in the test's database transaction, whose rollback switches them off."""
    events_switch_on()


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
