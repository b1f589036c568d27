"""The queue's tests: a broker that may be wiped or stopped, and real workers that may be killed."""

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
    """A job that is held back stays so until the test says otherwise, instead of coming back by chance."""
    monkeypatch.setattr(retry, "retry_delay", lambda attempts: timedelta(minutes=1))


@pytest.fixture
def places() -> Iterator[Places]:
    """A folder for servers of a test's own, named and locked like that of all tests, so that a later run cleans up."""
    with tempfile.TemporaryDirectory(prefix="wallet-tests-", ignore_cleanup_errors=True) as root:
        # Postgres runs as another account when we are root, and has to get in.
        Path(root).chmod(0o711)
        places = Places(Path(root))
        with folder_locked(places.lock):
            yield places


@pytest.fixture
def broker(places: Places, settings: Settings) -> Iterator[Broker]:
    """A Valkey of the test's own, which this process and its workers use as cache and as broker."""
    broker = Broker(places)
    broker.start()
    with broker.used(settings):
        yield broker
    broker.stop()


@pytest.fixture
def worker_start(transactional_db: None, broker: Broker, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts a worker process, which drains the tests' database. All are gone when the test is over."""
    workers: list[Worker] = []

    def start(**environment: str) -> Worker:
        log = tmp_path / f"worker{len(workers)}.log"
        workers.append(Worker(redis_url=broker.url, run_dir=broker.run_dir, log=log, **environment))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
    # An open transaction of theirs would keep the tables from being emptied.
    for worker in workers:
        worker.wait_until_gone()


@pytest.fixture
def forkable(transactional_db: None) -> None:
    """For tests that fork: no connection is open that a child would share."""
    connections.close_all()


@pytest.fixture
def alice_wallet(alice: User) -> Wallet:
    deposit_create(actor=alice, wallet_id=Wallet.objects.get(owner=alice).id, amount=1_000)
    return Wallet.objects.select_related("owner").get(owner=alice)


@pytest.fixture
def bob_wallet(bob: User) -> Wallet:
    return Wallet.objects.select_related("owner").get(owner=bob)
