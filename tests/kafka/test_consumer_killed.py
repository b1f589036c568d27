"""Consumers die at the worst moments, for real: what was accepted is settled once, by whoever comes next."""

from collections.abc import Callable
from contextlib import closing

import pytest

from tests.kafka.people import settle_until, submit_many, unsettled
from tests.kafka.worker import Worker
from tests.kafka_broker import KafkaBroker
from tests.settlement.books import assert_settled
from tests.settlement.people import balance_of, person_wallet
from tests.settlement.waiting import wait_until
from transactions.audit import books_audit
from transactions.channels.kafka.consumer import TransferConsumer

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


def test_nobody_commits_offsets_but_the_consumer_when_it_has_settled(
    channel: KafkaBroker, consumer_start: Callable[[], TransferConsumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does Kafka's client, by itself, when it is closed."""
    accepted = submit_many(person_wallet("alice", 100), person_wallet("bob"), 5)
    with monkeypatch.context() as patch, closing(TransferConsumer()) as consumer:
        patch.setattr(TransferConsumer, "_commit", lambda self, deliveries: None)
        settle_until(consumer, accepted)

    again, delivered = consumer_start(), 0

    def delivered_again() -> bool:
        nonlocal delivered
        delivered += again.turn()
        return delivered == 5

    wait_until(delivered_again, what="all of it is delivered again")
    assert_settled(accepted, posted=5)
