"""Real workers are killed or hang at the worst moments. The next worker settles each accepted transfer once."""

from collections.abc import Callable

import psutil
import pytest

from tests.people import balance_of, crowd_wallets
from tests.settlement.books import assert_books_clean, assert_in_order, assert_settled, pending_count
from tests.settlement.broker import Broker
from tests.settlement.locks import deletes_of_jobs_held_up, wallet_held
from tests.settlement.transfers import accept, drain, neighbours, transfer
from tests.settlement.waiting import wait_until
from tests.settlement.worker import Worker
from transactions.models import Job
from transactions.settlement.settle import Settled
from wallets.models import Wallet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


@pytest.fixture
def wallets(transactional_db: None) -> list[Wallet]:
    """Three wallets that share a partition."""
    return neighbours(crowd_wallets(33, 1_000), 3)


def test_a_worker_killed_while_it_waits_for_a_wallet_leaves_its_batch_pending(
    wallets: list[Wallet], worker_start: Callable[[], Worker]
) -> None:
    alice, bob, charlie = wallets
    accepted = accept([transfer(alice, charlie)] * 100 + [transfer(bob, charlie)] * 100)
    with wallet_held(charlie):
        worker = worker_start()
        worker.wait_until_blocked()
        worker.kill()
        assert pending_count() == 200
    worker.wait_until_gone()
    assert (pending_count(), Job.objects.count()) == (200, 200)
    assert_books_clean()

    assert drain(alice) == Settled(posted=200)
    assert_settled(accepted, posted=200)
    assert_in_order(alice, accepted)


def test_a_worker_killed_before_the_commit_has_written_nothing(
    wallets: list[Wallet], worker_start: Callable[[], Worker]
) -> None:
    alice, bob, charlie = wallets
    accepted = accept([transfer(alice, charlie)] * 100 + [transfer(bob, charlie)] * 100)
    with deletes_of_jobs_held_up() as stranger:
        worker = worker_start()
        worker.wait_until_blocked()
        worker.kill()
        stranger.rollback()
        worker.wait_until_gone()
        assert (pending_count(), Job.objects.count()) == (200, 200)
        assert balance_of(charlie) == 1_000
        assert_books_clean()

    next_worker = worker_start()

    wait_until(lambda: pending_count() == 0, what="the next worker has settled everything")
    assert_settled(accepted, posted=200)
    assert balance_of(charlie) == 1_200
    # The parent shows what its children counted. The first worker's batch was rolled back and never counted.
    counted = 'wallet_transfers_settled_total{outcome="posted"} 200.0'
    wait_until(lambda: counted in next_worker.metrics(), what="the metrics count the settled transfers")


def test_a_worker_killed_after_the_commit_settles_nothing_twice(
    wallets: list[Wallet], worker_start: Callable[[], Worker], broker: Broker
) -> None:
    alice, bob, charlie = wallets
    accepted = accept([transfer(alice, charlie)] * 100 + [transfer(bob, charlie)] * 100)
    with deletes_of_jobs_held_up(at_commit=True) as stranger:
        worker = worker_start()
        worker.wait_until_blocked()
        # The worker has sent COMMIT and is killed before the answer arrives.
        worker.kill()
        stranger.rollback()
        worker.wait_until_gone()
    assert pending_count() == 0
    assert broker.unacknowledged() >= 1
    more = accept([transfer(alice, bob)])

    worker_start()

    wait_until(lambda: broker.unacknowledged() == 0 and pending_count() == 0, what="the message is redelivered")
    assert_settled(accepted + more, posted=201)
    assert balance_of(charlie) == 1_200


def drained(wallet: Wallet) -> bool:
    """Settles what is due; a drainer may need several turns until nothing is left."""
    drain(wallet)
    return pending_count() == 0


def test_postgres_disconnects_a_worker_that_hangs_in_a_batch_and_its_late_commit_has_no_effect(
    wallets: list[Wallet], worker_start: Callable[[], Worker]
) -> None:
    alice, bob, charlie = wallets
    accepted = accept([transfer(alice, charlie)] * 100 + [transfer(bob, charlie)] * 100)
    with deletes_of_jobs_held_up() as stranger:
        worker = worker_start()
        worker.wait_until_blocked()
        worker.freeze()
        stranger.rollback()
        assert drain(alice) == Settled()
        wait_until(lambda: drained(alice), what="Postgres has disconnected the worker")
    worker.unfreeze()
    more = accept([transfer(alice, bob)])

    wait_until(lambda: pending_count() == 0, what="the worker settles again")
    assert_settled(accepted + more, posted=201)
    assert_in_order(alice, accepted + more)


def test_a_child_killed_during_a_batch_is_replaced_and_its_message_redelivered(
    wallets: list[Wallet], worker_start: Callable[[], Worker]
) -> None:
    alice, bob, charlie = wallets
    accepted = accept([transfer(alice, charlie)] * 100 + [transfer(bob, charlie)] * 100)
    with wallet_held(charlie):
        worker = worker_start()
        worker.wait_until_blocked()
        children = psutil.Process(worker.process.pid).children()
        for child in children:
            child.kill()
        psutil.wait_procs(children, timeout=10)

    wait_until(lambda: pending_count() == 0, what="the worker's new children have settled everything")
    assert worker.process.poll() is None
    assert_settled(accepted, posted=200)
