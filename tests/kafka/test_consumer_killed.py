"""Consumers are killed at the worst moments. Each accepted transfer still settles, once."""

import random
from collections.abc import Callable
from functools import partial

import pytest

from tests.kafka.sending import submit_many, unsettled
from tests.kafka.topics import lag
from tests.kafka.worker import Worker, workers_gone
from tests.people import balance_of
from tests.settlement.books import assert_books_clean, assert_in_order, assert_settled, pending_count
from tests.settlement.locks import deletes_of_jobs_held_up
from tests.settlement.waiting import wait_until
from transactions.audit import books_audit
from transactions.models import Job, Transaction
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True), pytest.mark.long]

Start = Callable[..., Worker]


def test_a_consumer_killed_before_its_commit_in_postgres_has_written_nothing(
    alice: Wallet, bob: Wallet, worker_start: Start
) -> None:
    accepted = submit_many(alice, bob, 50)
    with deletes_of_jobs_held_up() as stranger:
        consumer = worker_start()
        consumer.wait_until_blocked()
        consumer.kill()
        stranger.rollback()
        workers_gone()
        assert (pending_count(), Job.objects.count(), balance_of(bob)) == (50, 50, 5_000)
        assert_books_clean()

    worker_start()

    wait_until(lambda: not unsettled(accepted), what="the next consumer has settled everything")
    assert_settled(accepted, posted=50)
    assert_in_order(alice, accepted)


def test_a_consumer_killed_between_the_commit_in_postgres_and_that_of_its_offsets_settles_nothing_twice(
    alice: Wallet, bob: Wallet, worker_start: Start
) -> None:
    accepted = submit_many(alice, bob, 50)
    with deletes_of_jobs_held_up(at_commit=True) as stranger:
        consumer = worker_start()
        consumer.wait_until_blocked()
        # It has said COMMIT and does not live to hear the answer.
        consumer.kill()
        stranger.rollback()
        workers_gone()
    assert not unsettled(accepted)
    # Nobody waits for a message when a transfer is accepted, so it may come a moment later.
    wait_until(lambda: lag() == 1, what="the message is there")

    worker_start()

    wait_until(lambda: lag() == 0, what="the message was delivered again")
    assert_settled(accepted, posted=50)
    assert balance_of(bob) == 5_050


def test_a_consumer_killed_after_the_commit_of_its_offsets_leaves_only_what_came_later(
    alice: Wallet, bob: Wallet, worker_start: Start
) -> None:
    accepted = submit_many(alice, bob, 50)
    consumer = worker_start()
    wait_until(lambda: lag() == 0, what="the offsets are committed")
    consumer.kill()
    accepted += submit_many(alice, bob, 10)
    wait_until(lambda: lag() == 1, what="the message is there")

    worker_start()

    wait_until(lambda: lag() == 0 and not unsettled(accepted), what="the next consumer has settled the rest")
    assert_settled(accepted, posted=60)
    assert_in_order(alice, accepted)


def test_consumers_killed_at_any_moment_settle_everything_once_and_in_order(
    alice: Wallet, bob: Wallet, worker_start: Start
) -> None:
    dice = random.Random(7)
    accepted: list[Transaction] = []
    consumer = worker_start()
    consumer.wait_until_assigned()
    for _ in range(4):
        # Killed when some are settled and others are not: how many is the dice's choice.
        accepted += submit_many(alice, bob, 400) + submit_many(bob, alice, 400)
        enough = dice.randrange(1, 700)
        wait_until(partial(_at_most, accepted, 800 - enough), what="some are settled")
        consumer.kill()
        consumer = worker_start()

    wait_until(lambda: not unsettled(accepted), what="everything is settled")
    consumer.wait_until_assigned()
    consumer.stop()
    assert_settled(accepted, posted=3_200)
    assert_in_order(alice, [transfer for transfer in accepted if transfer.source_id == alice.id])
    assert_in_order(bob, [transfer for transfer in accepted if transfer.source_id == bob.id])
    assert books_audit().clean


def _at_most(accepted: list[Transaction], count: int) -> bool:
    return unsettled(accepted) <= count
