"""Settling given source wallets, as Kafka consumers do, while other consumers and Celery workers settle, too."""

import random

import pytest

from tests.people import crowd_wallets, funded
from tests.settlement.books import assert_in_order, assert_settled
from tests.settlement.locks import row_held
from tests.settlement.processes import processes_run
from tests.settlement.transfers import DRAIN_LIMIT_S, accept, transfer
from transactions.models import Job
from transactions.settlement import settle
from transactions.settlement.partitions import PARTITIONS
from transactions.settlement.poll import overdue_settle
from transactions.settlement.settle import Settled, partition_settle, sources_settle
from wallets.models import Wallet

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_settles_the_jobs_of_the_named_wallets_and_no_others() -> None:
    alice, bob, charlie = crowd_wallets(3, 100)
    named = accept([transfer(alice, charlie)] * 3)
    other = accept([transfer(bob, charlie)] * 3)

    assert sources_settle(source_ids=[alice.id], time_limit_s=DRAIN_LIMIT_S) == Settled(posted=3)

    assert Job.objects.count() == len(other)
    assert_in_order(alice, named)


def test_a_wallet_without_jobs_or_an_unknown_wallet_settles_nothing() -> None:
    alice = funded("alice", 100)

    assert sources_settle(source_ids=[alice.id, 4711, 2**63 - 1], time_limit_s=DRAIN_LIMIT_S) == Settled()
    assert sources_settle(source_ids=[], time_limit_s=DRAIN_LIMIT_S) == Settled()


@pytest.mark.parametrize("place", [0, 2], ids=["its oldest job", "a later one"])
def test_a_hanging_consumer_does_not_hold_back_other_wallets(place: int) -> None:
    alice, bob, charlie = crowd_wallets(3, 100)
    held, free = accept([transfer(alice, charlie)] * 5), accept([transfer(bob, charlie)] * 5)

    with row_held("transactions_job", Job.objects.get(transaction=held[place]).id):
        settled = sources_settle(source_ids=[alice.id, bob.id], time_limit_s=DRAIN_LIMIT_S)
        assert settled == Settled(posted=5 + place)

    assert source_settle(alice).posted == 5 - place
    assert_settled(held + free, posted=10)
    assert_in_order(alice, held)


def test_workers_and_consumers_at_the_same_time_settle_each_transfer_once_and_in_order(
    forkable: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "BATCH", 20)
    wallets = crowd_wallets(12, 1_000)
    pairs = list(zip(wallets, [*wallets[1:], wallets[0]], strict=True))
    accepted = accept([transfer(source, to) for _ in range(50) for source, to in pairs])
    ids = [wallet.id for wallet in wallets]

    posted = processes_run(_settle_until_empty, [(ids, seed) for seed in range(4)])

    assert sum(posted) == 600
    assert_settled(accepted, posted=600)
    for wallet in wallets:
        assert_in_order(wallet, accepted)


def source_settle(wallet: Wallet) -> Settled:
    return sources_settle(source_ids=[wallet.id], time_limit_s=DRAIN_LIMIT_S)


def _settle_until_empty(source_ids: list[int], seed: int) -> int:
    """Settles source wallets, partitions and overdue jobs in random order until no job is left."""
    dice, posted = random.Random(seed), 0
    while Job.objects.exists():
        match dice.randrange(3):
            case 0:
                posted += sources_settle(source_ids=dice.sample(source_ids, 5), time_limit_s=1.0).posted
            case 1:
                posted += partition_settle(partition=dice.randrange(PARTITIONS), time_limit_s=1.0).posted
            case _:
                posted += overdue_settle().posted
    return posted
