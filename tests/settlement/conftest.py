"""Fixtures for settlement: a broker that tests may wipe or stop, and real workers that they may kill."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import Settings

from devtools.folder_lock import folder_locked
from tests.settlement.broker import Broker
from tests.settlement.worker import Worker
from transactions.channels.celery import wake
from transactions.services import deposit_create
from transactions.settlement import retry
from wallet_project.embedded import Places
from wallets.models import User, Wallet


@pytest.fixture(autouse=True)
def _broker_not_known_to_be_away() -> None:
    wake.breaker.succeeded()


@pytest.fixture
def long_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that waits for its retry stays so until the test ends the back-off; otherwise chance would decide."""
    monkeypatch.setattr(retry, "retry_delay", lambda attempts: timedelta(minutes=1))


@pytest.fixture
def places() -> Iterator[Places]:
    """A folder for one test's servers. Its name and lock are those of all test folders, so a later run cleans it up."""
    with tempfile.TemporaryDirectory(prefix="wallet-tests-", ignore_cleanup_errors=True) as root:
        # If we are root, Postgres runs as another account, which needs access.
        Path(root).chmod(0o711)
        places = Places(Path(root))
        with folder_locked(places.lock):
            yield places


@pytest.fixture
def broker(places: Places, settings: Settings) -> Iterator[Broker]:
    """A Valkey for one test. This process and its workers use it as cache and broker."""
    broker = Broker(places)
    broker.start()
    with broker.used(settings):
        yield broker
    broker.stop()


@pytest.fixture
def worker_start(transactional_db: None, broker: Broker, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts a worker process that settles in the tests' database. All workers are killed when the test ends."""
    workers: list[Worker] = []

    def start(**environment: str) -> Worker:
        log = tmp_path / f"worker{len(workers)}.log"
        workers.append(Worker(redis_url=broker.url, run_dir=broker.run_dir, log=log, **environment))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
    # A worker's open database transaction would block the flush of the tables.
    for worker in workers:
        worker.wait_until_gone()


@pytest.fixture
def forkable(transactional_db: None) -> None:
    """For tests that fork: closes all connections, so that children share none."""
    connections.close_all()


@pytest.fixture
def alice_wallet(alice: User) -> Wallet:
    deposit_create(actor=alice, wallet_id=Wallet.objects.get(owner=alice).id, amount=1_000)
    return Wallet.objects.select_related("owner").get(owner=alice)


@pytest.fixture
def bob_wallet(bob: User) -> Wallet:
    return Wallet.objects.select_related("owner").get(owner=bob)
