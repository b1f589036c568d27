"""The broker is wiped, stopped or frozen, or delivers twice. Jobs are in Postgres, so this only delays settlement."""

import time
from collections.abc import Callable

import pytest
from pytest_django import Settings

from tests.people import balance_of, crowd_wallets, funded
from tests.settlement.books import assert_in_order, assert_settled, pending_count
from tests.settlement.broker import Broker
from tests.settlement.locks import deletes_of_jobs_held_up
from tests.settlement.transfers import accept, transfer
from tests.settlement.waiting import wait_until
from tests.settlement.worker import Worker
from transactions.models import Transaction
from transactions.settlement.partitions import partition_of
from transactions.tasks import partition_drain_task
from wallets.models import Wallet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


def _each_to_the_next(wallets: list[Wallet], times: int) -> list[Transaction]:
    """Accepts one list per round, in which every wallet sends to the next one."""
    pairs = list(zip(wallets, [*wallets[1:], wallets[0]], strict=True))
    return [t for _ in range(times) for t in accept([transfer(source, to) for source, to in pairs])]


def test_many_accepts_send_one_wake_up(broker: Broker, transactional_db: None) -> None:
    alice, bob = funded("alice", 100), funded("bob")

    for _ in range(5):
        accept([transfer(alice, bob)] * 3)

    assert len(broker.messages()) == 1


def test_a_transfer_accepted_after_a_look_sends_another_wake_up(broker: Broker, transactional_db: None) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accept([transfer(alice, bob)])
    partition_drain_task(partition_of(alice.id))

    accept([transfer(alice, bob)])

    assert len(broker.messages()) == 2


def test_a_look_that_reaches_its_time_limit_sends_another_wake_up(
    broker: Broker, transactional_db: None, settings: Settings
) -> None:
    settings.TRANSFER_DRAIN_LIMIT_S = 0.0
    alice, bob = funded("alice", 100), funded("bob")
    accept([transfer(alice, bob)])
    broker.wipe()

    partition_drain_task(partition_of(alice.id))

    assert len(broker.messages()) == 1
    assert pending_count() == 1


def test_a_wiped_broker_loses_none_of_thousands_of_pending_transfers(
    broker: Broker, worker_start: Callable[[], Worker]
) -> None:
    accepted = _each_to_the_next(crowd_wallets(100, 1_000), 30)
    broker.wipe()
    assert pending_count() == 3_000

    worker_start()
    wait_until(lambda: pending_count() < 3_000, what="a poll has found the first jobs")
    broker.wipe()
    more = _each_to_the_next([funded("alice", 100), funded("bob", 100)], 5)

    wait_until(lambda: pending_count() == 0, what="everything is settled")
    assert_settled(accepted + more, posted=3_010)


def test_a_wake_up_delivered_three_times_settles_every_transfer_once(
    broker: Broker, worker_start: Callable[[], Worker]
) -> None:
    alice, bob = funded("alice", 1_000), funded("bob")
    accepted = accept([transfer(alice, bob)] * 500)
    (wake_up,) = broker.messages()
    broker.messages_double()
    worker_start()
    wait_until(lambda: pending_count() == 0, what="everything is settled")

    broker.deliver(wake_up)
    more = accept([transfer(alice, bob)] * 10)
    broker.deliver(wake_up)

    wait_until(lambda: pending_count() == 0 and not broker.messages(), what="the late messages are received")
    wait_until(lambda: broker.unacknowledged() == 0, what="the messages are acknowledged")
    assert_settled(accepted + more, posted=510)
    assert_in_order(alice, accepted + more)
    assert balance_of(bob) == 510


def test_accepting_stays_fast_and_settling_goes_on_while_redis_is_stopped(
    broker: Broker, worker_start: Callable[[], Worker]
) -> None:
    """(For a few seconds. For minutes: tests/long.)"""
    alice, bob = funded("alice", 1_000), funded("bob")
    worker = worker_start()
    first = accept([transfer(alice, bob)])
    wait_until(lambda: pending_count() == 0, what="the worker settles")
    broker.stop()

    started_s = time.monotonic()
    accepted = [t for _ in range(50) for t in accept([transfer(alice, bob)])]
    took_s = time.monotonic() - started_s

    assert len(accepted) == 50
    assert took_s < 3.0
    wait_until(lambda: pending_count() == 0, what="everything is settled without Redis")
    broker.start()
    later = accept([transfer(alice, bob)])
    wait_until(lambda: pending_count() == 0, what="the worker is at work again")
    assert worker.process.poll() is None
    assert_settled(first + accepted + later, posted=52)
    assert_in_order(alice, first + accepted + later)


def test_a_worker_survives_the_loss_of_redis_in_the_middle_of_a_task(
    broker: Broker, worker_start: Callable[[], Worker]
) -> None:
    """Its message is not acknowledged yet, and cannot be."""
    alice, bob = funded("alice", 1_000), funded("bob")
    accepted = accept([transfer(alice, bob)] * 10)
    with deletes_of_jobs_held_up() as stranger:
        worker = worker_start()
        worker.wait_until_blocked()
        wait_until(lambda: broker.unacknowledged() > 0, what="the worker has taken the message")
        broker.stop()
        wait_until(lambda: "Connection to broker lost" in worker.log_text(), what="the worker has noticed")
        stranger.rollback()
        accepted += accept([transfer(alice, bob)] * 10)
        wait_until(lambda: pending_count() == 0, what="everything is settled without Redis")

    broker.start()
    accepted += accept([transfer(alice, bob)] * 10)
    wait_until(lambda: pending_count() == 0, what="everything is settled")
    assert worker.process.poll() is None
    assert_settled(accepted, posted=30)


def test_accepting_waits_only_briefly_for_a_redis_that_hangs(broker: Broker, transactional_db: None) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accept([transfer(alice, bob)])
    broker.freeze()

    started_s = time.monotonic()
    accepted = [t for _ in range(20) for t in accept([transfer(alice, bob)])]
    took_s = time.monotonic() - started_s

    assert len(accepted) == 20
    assert took_s < 3.0
