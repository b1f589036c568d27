"""In these tests limits are on, and every bucket is full at the start."""

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
from tests.own_redis import OwnRedis, redis_use
from tests.pages.kit import fresh
from wallet_project.embedded import Places
from wallets.models import User


@pytest.fixture(autouse=True)
def _limits(settings: Settings) -> None:
    settings.THROTTLE_ENABLED = True
    buckets.redis_breaker.succeeded()
    buckets.local_buckets.clear()


@pytest.fixture
def one_of_each(settings: Settings) -> None:
    """Every quota is one unit: the first request passes and the second is refused."""
    settings.THROTTLE_SCALE = 0.0


@pytest.fixture
def one_window() -> Iterator[None]:
    """Stops the clock. Form limits have fixed windows, and a new window during a test would reset them."""
    with time_machine.travel(time.time(), tick=False):
        yield


@pytest.fixture
def no_redis(settings: Settings, tmp_path: Path) -> None:
    """Redis is down."""
    redis_use(f"unix://{tmp_path}/nobody.sock", settings)


@pytest.fixture
def own_redis(settings: Settings) -> Iterator[OwnRedis]:
    """A Valkey for this test alone, which it may stop, freeze and start again."""
    # Named and locked like all test folders, so that a later run cleans up after a killed one.
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
    return fresh(client, alice)


@pytest.fixture
def forkable(db: None) -> None:
    """Closes all database connections before the test forks, so that no child shares one."""
    connections.close_all()
