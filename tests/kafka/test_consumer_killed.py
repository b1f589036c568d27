"""Consumers die at the worst moments, for real: what was accepted is settled once, by whoever comes next."""

from collections.abc import Callable

import pytest

from tests.kafka.people import submit_many, unsettled
from tests.kafka.worker import Worker
from tests.kafka_broker import KafkaBroker
from tests.queue.books import assert_settled
from tests.queue.people import balance_of, person_wallet
from tests.queue.waiting import wait_until
from transactions.audit import books_audit

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def test_consumers_killed_before_and_after_each_commit_settle_everything_once(
    channel: KafkaBroker, worker_start: Callable[..., Worker]
) -> None:
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob", 1_000)
    accepted = submit_many(alice, bob, 50) + submit_many(bob, alice, 50, amount=2)

    worker_start(die_at="before the commit in Postgres").wait_until_killed()
    assert unsettled(accepted) == 100

    worker_start(die_at="before the commit of the offsets").wait_until_killed()
    settled = 100 - unsettled(accepted)
    assert settled > 0

    # What the last one has settled comes again, and what it has not.
    worker_start(die_at="after the commit of the offsets").wait_until_killed()
    assert 100 - unsettled(accepted) >= settled
    accepted += submit_many(alice, bob, 10)

    last = worker_start()
    wait_until(lambda: not unsettled(accepted), what="the next consumer has settled everything")
    last.stop()
    assert_settled(accepted, posted=110)
    assert (balance_of(alice), balance_of(bob)) == (1_040, 960)
    assert books_audit().clean
