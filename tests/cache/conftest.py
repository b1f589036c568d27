"""Fixtures of the cache tests: a world in which races are played, and a Redis that can be stopped."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from devtools.folder_lock import folder_locked
from tests.cache.world import World, world_made
from tests.settlement.broker import Broker
from wallet_project.embedded import Places
from wallets.models import User


@pytest.fixture
def world(transactional_db: None, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_made(alice, monkeypatch) as world:
        yield world


@pytest.fixture
def own_redis(settings: Settings) -> Iterator[Broker]:
    """A separate Valkey that the test can stop and start."""
    with tempfile.TemporaryDirectory(prefix="wallet-tests-", ignore_cleanup_errors=True) as root:
        # Locked like the folder of all tests, so that a later run cleans up after a killed one.
        Path(root).chmod(0o711)
        places = Places(Path(root))
        with folder_locked(places.lock):
            redis = Broker(places)
            redis.start()
            with redis.used(settings):
                yield redis
            redis.stop()
