"""Limits are on in these tests, and nobody has used any of them yet."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from django.db import connections
from django.test import Client
from pytest_django import Settings

from devtools.folder_lock import folder_locked
from kit.limits import buckets
from tests.throttling.own_redis import OwnRedis, redis_use
from wallet_project.embedded import Places
from wallets.models import User


@pytest.fixture(autouse=True)
def _limits(settings: Settings) -> None:
    settings.THROTTLE_ENABLED = True
    buckets.redis_breaker.succeeded()
    buckets.local_buckets.clear()


@pytest.fixture
def one_of_each(settings: Settings) -> None:
    """Every quota is one unit: the first request passes, the second one does not."""
    settings.THROTTLE_SCALE = 0.0


@pytest.fixture
def one_window() -> Iterator[None]:
    """The clock stands still: the forms' windows are fixed, and one that ends within a test would begin anew."""
    with time_machine.travel(time.time(), tick=False):
        yield


@pytest.fixture
def no_redis(settings: Settings, tmp_path: Path) -> None:
    """There is no Redis."""
    redis_use(f"unix://{tmp_path}/nobody.sock", settings)


@pytest.fixture
def own_redis(settings: Settings) -> Iterator[OwnRedis]:
    """A Valkey of the test's own, which may be stopped, frozen and started again."""
    # Named and locked like the folders of all tests, so that a later run cleans up after one that was killed.
    with tempfile.TemporaryDirectory(prefix="wallet-tests-", ignore_cleanup_errors=True) as root:
        places = Places(Path(root))
        with folder_locked(places.lock):
            server = OwnRedis(places)
            server.start()
            redis_use(server.url, settings)
            yield server
            server.stop()


@pytest.fixture
def alices(alice: User) -> Client:
    """Alice's browser."""
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def forkable(db: None) -> None:
    """For tests that fork: no connection is open that a child would share."""
    connections.close_all()
