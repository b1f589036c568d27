"""Settling: each transfer settles once and in order, with the outcome of posting it at that moment."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.people import balance_of, crowd_wallets, funded
from tests.settlement.books import assert_in_order, assert_settled, outcomes, pending_count
from tests.settlement.threads import in_a_thread
from tests.settlement.transfers import accept, drain, transfer
from transactions.ledger.commands import Command, Outcome
from transactions.ledger.post import post
from transactions.models import Job
from transactions.settlement import settle
from transactions.settlement.jobs import partitions_due
from transactions.settlement.partitions import PARTITIONS, partition_of
from transactions.settlement.settle import Settled, partition_settle
from wallets.models import Wallet
from wallets.services import wallet_close, wallet_freeze, wallet_reopen

pytestmark = pytest.mark.django_db


def test_accepted_transfers_are_posted_in_order_and_their_jobs_are_gone() -> None:
    alice, bob = funded("alice", 1_000), funded("bob")
    accepted = accept([transfer(alice, bob, amount) for amount in range(1, 31)])

    assert drain(alice) == Settled(posted=30)

    assert_settled(accepted, posted=30)
    assert_in_order(alice, accepted)
    assert balance_of(bob) == sum(range(1, 31))


def test_jobs_are_numbered_in_the_order_of_their_list() -> None:
    alice, bob = funded("alice", 1_000), funded("bob")
    accepted = accept([transfer(alice, bob)] * 300)
    assert list(Job.objects.order_by("id").values_list("transaction", flat=True)) == [t.id for t in accepted]


def test_a_transfer_that_settlement_refuses_ends_as_failed_with_its_code() -> None:
    alice, bob = funded("alice", 50), funded("bob")
    accepted = accept([transfer(alice, bob, 40), transfer(alice, bob, 40), transfer(alice, bob, 10)])

    assert drain(alice) == Settled(posted=2, failed=1)

    assert outcomes(accepted) == [("posted", ""), ("failed", "insufficient_funds"), ("posted", "")]
    assert_settled(accepted, posted=2)


def test_a_wallet_frozen_between_accept_and_settle_fails_its_transfers_until_it_is_reopened() -> None:
    alice, bob = funded("alice", 50), funded("bob", 50)
    assert bob.owner
    sent, received = accept([transfer(alice, bob)])[0], accept([transfer(bob, alice)])[0]
    wallet_freeze(wallet_id=alice.id, actor=bob.owner, reason="a stolen phone")
    drain(alice)
    drain(bob)
    wallet_reopen(wallet_id=alice.id, actor=bob.owner, reason="found again")
    later = accept([transfer(alice, bob)])[0]
    drain(alice)

    assert outcomes([sent, received, later]) == [
        ("failed", "wallet_frozen"),
        ("failed", "recipient_cannot_receive"),
        ("posted", ""),
    ]
    assert_settled([sent, received, later])


def test_a_wallet_closed_between_accept_and_settle_fails_its_transfers() -> None:
    alice, bob = funded("alice"), funded("bob", 50)
    assert bob.owner
    accepted = accept([transfer(bob, alice)])
    wallet_close(wallet_id=alice.id, actor=bob.owner, reason="goodbye")

    drain(bob)

    assert outcomes(accepted) == [("failed", "recipient_cannot_receive")]


def test_money_that_arrives_before_its_turn_can_be_sent_on() -> None:
    alice, bob = funded("alice", 10), funded("bob")
    first = accept([transfer(alice, bob, 10)])
    second = accept([transfer(bob, alice, 10)])

    drain(alice)
    drain(bob)

    assert_settled(first + second, posted=2)


def test_each_batch_is_bounded_and_settling_continues_until_no_job_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settle, "BATCH", 7)
    alice, bob = funded("alice", 100), funded("bob")
    accepted = accept([transfer(alice, bob)] * 30)

    assert drain(alice) == Settled(posted=30)

    assert_settled(accepted, posted=30)
    assert_in_order(alice, accepted)


def test_settling_that_reaches_its_time_limit_reports_that_jobs_are_left() -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accept([transfer(alice, bob)])
    assert partition_settle(partition=partition_of(alice.id), time_limit_s=0.0) == Settled(left=True)
    assert pending_count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_job_accepted_during_the_last_batch_is_settled_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accepted = accept([transfer(alice, bob)])

    def post_while_another_is_accepted(commands: Sequence[Command]) -> list[Outcome]:
        if len(accepted) == 1:
            in_a_thread(lambda: accepted.extend(accept([transfer(alice, bob)])))
        return post(commands)

    monkeypatch.setattr(settle, "post", post_while_another_is_accepted)

    assert drain(alice) == Settled(posted=2)
    assert_settled(accepted, posted=2)


def test_a_poll_finds_due_jobs_but_not_dead_ones_or_those_that_wait_for_a_retry() -> None:
    wallets = crowd_wallets(60, 100)
    alice, bob, charlie = (wallet for wallet in _in_different_partitions(wallets, 3))
    accept([transfer(alice, bob), transfer(bob, charlie), transfer(charlie, alice)])
    Job.objects.filter(source=bob).update(not_before=timezone.now() + timedelta(minutes=1))
    Job.objects.filter(source=charlie).update(dead_at=timezone.now())
    assert partitions_due(overdue_s=0) == [partition_of(alice.id)]

    Job.objects.filter(source=bob).update(not_before=timezone.now())
    assert set(partitions_due(overdue_s=0)) == {partition_of(alice.id), partition_of(bob.id)}


def test_partitions_share_the_wallets_about_evenly() -> None:
    counts = [0] * PARTITIONS
    for wallet in crowd_wallets(800, 0):
        counts[partition_of(wallet.id)] += 1
    assert min(counts) > 20
    assert max(counts) < 100


def _in_different_partitions(wallets: list[Wallet], count: int) -> list[Wallet]:
    return list({partition_of(wallet.id): wallet for wallet in wallets}.values())[:count]
