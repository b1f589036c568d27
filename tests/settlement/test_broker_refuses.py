"""Redis answers, but takes no writes: it became a replica, is out of memory, or is loading. Workers wait, reconnect and
go on settling."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from devtools.servers import RUN_DIR_VARIABLE
from tests.people import funded
from tests.settlement.books import assert_in_order, assert_settled, pending_count
from tests.settlement.broker import Broker
from tests.settlement.transfers import accept, transfer
from tests.settlement.waiting import wait_until
from tests.settlement.worker import Worker, database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

Refusal = Callable[[Broker], None]
REFUSALS = [
    pytest.param(Broker.demote, id="replica"),
    pytest.param(Broker.fill, id="out of memory"),
]
#: Long enough for a worker to meet the refusal several times.
_WHILE_S = 8.0


@pytest.mark.parametrize("refuse", REFUSALS)
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_worker_survives_a_redis_that_refuses_writes(
    broker: Broker, worker_start: Callable[..., Worker], refuse: Refusal, pool: str
) -> None:
    alice, bob = funded("alice", 1_000), funded("bob")
    worker = worker_start(pool=pool)
    accepted = accept([transfer(alice, bob)])
    wait_until(lambda: pending_count() == 0, what="the worker settles")

    refuse(broker)
    ends_s = time.monotonic() + _WHILE_S
    while time.monotonic() < ends_s:
        accepted += accept([transfer(alice, bob)])
        time.sleep(0.2)
    wait_until(lambda: pending_count() == 0, what="everything is settled without a broker")
    assert worker.process.poll() is None, worker.log_text()
    # It pauses between its attempts to connect.
    assert worker.log_text().count("Cannot connect to") < 20
    assert "Frequent restarts" not in worker.log_text()

    broker.recover()
    wait_until(lambda: _fetches(broker), what="the worker fetches messages again")
    accepted += accept([transfer(alice, bob)] * 3)
    wait_until(lambda: pending_count() == 0, what="everything is settled")
    assert worker.process.poll() is None
    assert_settled(accepted, posted=len(accepted))
    assert_in_order(alice, accepted)


def test_a_worker_starts_while_redis_is_a_replica_and_works_when_it_is_promoted(
    broker: Broker, worker_start: Callable[..., Worker]
) -> None:
    alice, bob = funded("alice", 1_000), funded("bob")
    broker.demote()
    worker = worker_start()
    accepted = accept([transfer(alice, bob)])
    wait_until(lambda: pending_count() == 0, what="it settles by polling")

    broker.recover()
    wait_until(lambda: _fetches(broker), what="the worker fetches messages")
    assert worker.process.poll() is None
    assert_settled(accepted, posted=1)


def test_a_worker_survives_a_redis_that_is_loading(broker: Broker, worker_start: Callable[..., Worker]) -> None:
    alice, bob = funded("alice", 1_000), funded("bob")
    worker = worker_start()
    accepted = accept([transfer(alice, bob)])
    wait_until(lambda: pending_count() == 0, what="the worker settles")

    broker.restart_loading(keys=10_000, key_delay_us=800)
    wait_until(broker.is_loading, what="Redis is loading")
    started_s = time.monotonic()
    accepted += [t for _ in range(20) for t in accept([transfer(alice, bob)])]
    assert time.monotonic() - started_s < 3
    wait_until(lambda: pending_count() == 0, what="everything is settled without a broker")
    assert broker.is_loading()

    wait_until(lambda: not broker.is_loading(), what="Redis has loaded")
    wait_until(lambda: _fetches(broker), what="the worker fetches messages again")
    assert worker.process.poll() is None
    assert_settled(accepted, posted=21)


@pytest.fixture
def beat(broker: Broker, transactional_db: None, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "wallet_project", "beat", "-s", str(tmp_path / "beat")],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {
            "DATABASE_URL": database_url(),
            "REDIS_URL": broker.url,
            RUN_DIR_VARIABLE: str(broker.run_dir),
            "DJANGO_SETTINGS_MODULE": "tests.settlement.worker_settings",
        },
        stdin=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("refuse", REFUSALS)
def test_beat_survives_a_redis_that_refuses_writes(
    broker: Broker, beat: "subprocess.Popen[bytes]", refuse: Refusal
) -> None:
    wait_until(lambda: bool(broker.messages()), what="beat sends")
    refuse(broker)
    # Its most frequent task is due every five seconds.
    time.sleep(7)
    assert beat.poll() is None

    broker.recover()
    broker.wipe()
    wait_until(lambda: bool(broker.messages()), what="beat sends again")


def _fetches(broker: Broker) -> bool:
    """Whether somebody takes messages out of the queue and acknowledges them."""
    return not broker.messages() and not broker.unacknowledged() and broker.waits_for_messages()
