"""Consumers share the work; one joins, one dies, one hangs, Celery helps: each transfer settles once, in its turn."""

from collections.abc import Callable

import pytest

from tests.kafka.sending import submit_many, unsettled
from tests.kafka.worker import Worker
from tests.kafka_broker import KafkaBroker
from tests.people import balance_of, funded
from tests.settlement.books import assert_in_order, assert_settled
from tests.settlement.locks import deletes_of_jobs_held_up
from tests.settlement.threads import in_a_thread
from tests.settlement.transfers import drain_all
from tests.settlement.waiting import wait_until
from transactions.audit import books_audit
from transactions.models import Transaction
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True), pytest.mark.long]

Start = Callable[..., Worker]
_BALANCE, _LIST = 10_000, 20


class Ring:
    """People each of whom sends to the next one."""

    def __init__(self, count: int) -> None:
        self.wallets = [funded(f"person{number}", _BALANCE) for number in range(count)]
        self.accepted: dict[int, list[Transaction]] = {wallet.id: [] for wallet in self.wallets}

    def send(self, rounds: int) -> None:
        for _ in range(rounds):
            for wallet, friend in zip(self.wallets, [*self.wallets[1:], self.wallets[0]], strict=True):
                self.accepted[wallet.id] += submit_many(wallet, friend, _LIST)

    @property
    def everything(self) -> list[Transaction]:
        return [transfer for transfers in self.accepted.values() for transfer in transfers]

    def assert_all_settled(self) -> None:
        wait_until(lambda: not unsettled(self.everything), what="everything has settled")
        assert_settled(self.everything, posted=len(self.everything))
        for wallet in self.wallets:
            assert balance_of(wallet) == _BALANCE
            assert_in_order(wallet, self.accepted[wallet.id])
        assert books_audit().clean


def test_three_consumers_one_joins_and_one_dies_in_the_middle_of_the_work(
    channel: KafkaBroker, worker_start: Start
) -> None:
    ring = Ring(8)
    workers = [worker_start(), worker_start()]
    for worker in workers:
        worker.wait_until_assigned()

    ring.send(2)
    joined = worker_start()
    ring.send(2)
    joined.wait_until_assigned()
    ring.send(1)
    workers[0].kill()
    ring.send(2)

    ring.assert_all_settled()
    for worker in (workers[1], joined):
        worker.stop()


def test_a_consumer_that_hangs_in_the_middle_of_a_batch_holds_up_no_other_wallet(
    channel: KafkaBroker, alice: Wallet, bob: Wallet, worker_start: Start
) -> None:
    held = submit_many(alice, bob, 50)
    with deletes_of_jobs_held_up() as stranger:
        frozen = worker_start()
        frozen.wait_until_blocked()
        frozen.freeze()
        stranger.rollback()
        worker_start()
        ring = Ring(3)
        ring.send(2)

        wait_until(lambda: not unsettled(ring.everything), what="the others' transfers are settled")
        assert unsettled(held) == 50
        # Postgres throws the frozen one out, and what it had written is undone.
        wait_until(lambda: not unsettled(held), what="another consumer has settled them")
    frozen.unfreeze()
    frozen.stop()
    assert_settled(held, posted=50)
    assert_in_order(alice, held)


def test_consumers_and_celerys_drainers_settle_side_by_side(channel: KafkaBroker, worker_start: Start) -> None:
    ring = Ring(8)
    worker_start().wait_until_assigned()

    for _ in range(5):
        ring.send(2)
        in_a_thread(drain_all)

    ring.assert_all_settled()
