"""Tests that take minutes. `make test` leaves them out; `make test-long` runs them."""

from pathlib import Path

import pytest

from tests.kafka.conftest import channel
from tests.kafka.conftest import worker_start as consumer_start
from tests.settlement.conftest import broker, places, worker_start

__all__ = ["broker", "channel", "consumer_start", "places", "worker_start"]

_TIMEOUT_S = 1_200


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Pytest passes the tests of other folders as well.
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(_TIMEOUT_S))
