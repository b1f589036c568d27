"""Tests that take minutes. `make test` leaves them out; `make test-long` runs them."""

import pytest

from tests.kafka.conftest import channel
from tests.kafka.conftest import worker_start as consumer_start
from tests.settlement.conftest import broker, places, worker_start

__all__ = ["broker", "channel", "consumer_start", "places", "worker_start"]

_TIMEOUT_S = 1_200


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(_TIMEOUT_S))
