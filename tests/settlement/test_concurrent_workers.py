"""Several workers settle one partition: each transfer settles once, and none overtakes another of its wallet."""

from collections.abc import Sequence

import pytest
from django.db import connection

from tests.people import crowd_wallets, funded
from tests.settlement.books import assert_in_order, assert_settled
from tests.settlement.locks import row_held, wallet_held
from tests.settlement.processes import processes_run
from tests.settlement.threads import in_a_thread, in_threads
from tests.settlement.transfers import DRAIN_LIMIT_S, accept, drain, neighbours, transfer
from transactions.ledger.commands import Command, Outcome
from transactions.ledger.post import post
from transactions.models import Job
from transactions.settlement import settle
from transactions.settlement.partitions import PARTITIONS
from transactions.settlement.retry import FaultyJob, jobs_put_off
from transactions.settlement.settle import Settled, partition_settle, sources_settle

pytestmark = pytest.mark.django_db(transaction=True)


def test_many_threads_settle_one_partition_each_transfer_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settle, "BATCH", 20)
    alice, bob, charlie = neighbours(crowd_wallets(33, 1_000), 3)
    accepted = accept([transfer(alice, charlie), transfer(bob, charlie)] * 200)

    found = in_threads(lambda: drain(alice))

    assert sum(drained.posted for drained in found) == 400
    assert_settled(accepted, posted=400)
    assert_in_order(alice, accepted)
    assert_in_order(bob, accepted)


def test_many_processes_settle_all_partitions_each_transfer_once_and_in_order(forkable: None) -> None:
    wallets = crowd_wallets(40, 1_000)
    pairs = list(zip(wallets, [*wallets[1:], wallets[0]], strict=True))
    accepted = accept([transfer(source, to) for _ in range(25) for source, to in pairs])

    posted = processes_run(_drain_all_again_and_again, [(5,)] * 3)

    assert sum(posted) == 1_000
    assert_settled(accepted, posted=1_000)
    for wallet in wallets:
        assert_in_order(wallet, accepted)


def test_many_threads_settle_the_same_wallets_each_transfer_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """By wallet, without the lock on a partition, which only saves work: the row locks are the guarantee."""
    monkeypatch.setattr(settle, "BATCH", 20)
    alice, bob, charlie = crowd_wallets(3, 1_000)
    accepted = accept([transfer(alice, charlie), transfer(bob, charlie)] * 200)

    found = in_threads(lambda: sources_settle(source_ids=[alice.id, bob.id], time_limit_s=DRAIN_LIMIT_S))

    assert sum(drained.posted for drained in found) == 400
    assert_settled(accepted, posted=400)
    assert_in_order(alice, accepted)
    assert_in_order(bob, accepted)


def test_a_second_worker_skips_a_partition_that_another_is_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accepted = accept([transfer(alice, bob)])
    second: list[Settled] = []

    def post_while_another_drains(commands: Sequence[Command]) -> list[Outcome]:
        in_a_thread(lambda: second.append(drain(alice)))
        return post(commands)

    monkeypatch.setattr(settle, "post", post_while_another_drains)

    assert drain(alice) == Settled(posted=1)
    assert second == [Settled()]
    assert_settled(accepted, posted=1)


def test_settling_leaves_no_lock_on_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session-level lock would stay on a pooled connection, and no worker could settle the partition."""
    alice, bob = funded("alice", 100), funded("bob")
    accept([transfer(alice, bob)])
    seen: list[int] = []

    def hold_back_and_look(job_ids: Sequence[int], cause: Exception) -> list[FaultyJob] | None:
        seen.append(_advisory_locks())
        return jobs_put_off(job_ids, cause)

    monkeypatch.setattr(settle, "jobs_put_off", hold_back_and_look)
    with wallet_held(bob):
        drain(alice)

    assert set(seen) == {0}
    assert _advisory_locks() == 0


def test_a_locked_job_is_skipped_and_never_overtaken() -> None:
    alice, bob, charlie = neighbours(crowd_wallets(33, 1_000), 3)
    held, free = accept([transfer(alice, charlie)] * 3), accept([transfer(bob, charlie)] * 3)
    first = Job.objects.get(transaction=held[0])

    with row_held("transactions_job", first.id):
        assert drain(alice) == Settled(posted=3)

    assert drain(alice) == Settled(posted=3)
    assert_settled(held + free, posted=6)
    assert_in_order(alice, held)


def _drain_all_again_and_again(rounds: int) -> int:
    """Settles all partitions repeatedly, because it skips a partition that another process is settling."""
    posted = 0
    while rounds and Job.objects.exists():
        posted += sum(partition_settle(partition=number, time_limit_s=10.0).posted for number in range(PARTITIONS))
        rounds -= 1
    return posted


def _advisory_locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        return int(cursor.fetchone()[0])
