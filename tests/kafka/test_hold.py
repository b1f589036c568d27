"""A partition that waits for the time of a retry: nothing is tried before it, and nothing is forgotten after it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.kafka.people import submit, unsettled
from tests.kafka.topics import messages_of
from tests.kafka_broker import KafkaBroker
from tests.settlement.books import assert_settled
from tests.settlement.people import person_wallet
from tests.settlement.poison import wallet_spoiled
from tests.settlement.waiting import wait_until
from transactions.channels.kafka import faults
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.topics import requested_topic, retry_topic
from transactions.models import Transaction

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

Start = Callable[[], TransferConsumer]


def test_a_partition_that_waits_goes_to_another_consumer_and_comes_back_and_is_read_at_once(
    channel: KafkaBroker, consumer_start: Start
) -> None:
    alice, bob = person_wallet("alice", 100), person_wallet("bob")
    first = consumer_start()
    turn_until([first], lambda: bool(first._places()), "it has partitions")
    waiting = submit(alice, bob)
    (message,) = messages_of(requested_topic())
    first._hold(message, 600)

    others: list[TransferConsumer] = []
    while message.place in first._places():
        others.append(consumer_start())
        turn_until([first, *others], lambda: bool(others[-1]._places()), "the next one has partitions")
    turn_until([first, *others], lambda: not unsettled([waiting]), "whoever has that one now settles")
    for other in others:
        other.close()
    turn_until([first], lambda: message.place in first._places(), "it comes back")
    later = submit(alice, bob)

    turn_until([first], lambda: not unsettled([later]), "nobody waits for what is over")
    assert_settled([waiting, later], posted=2)


def test_a_retry_is_not_tried_before_its_time(
    channel: KafkaBroker, consumer_start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "retry_delay", lambda _: timedelta(seconds=1))
    alice, bob = person_wallet("alice", 100), person_wallet("bob")
    consumer = consumer_start()
    with wallet_spoiled(alice):
        accepted = submit(alice, bob)
        turn_until([consumer], lambda: bool(messages_of(retry_topic())), "it is to be tried again")

    turn_until([consumer], lambda: not unsettled([accepted]), "it is tried again")

    (retried,) = messages_of(retry_topic())
    settled_at = Transaction.objects.get(id=accepted.id).settled_at
    assert settled_at
    assert retried.not_before
    assert settled_at >= retried.not_before


def turn_until(consumers: list[TransferConsumer], condition: Callable[[], bool], what: str) -> None:
    def turned() -> bool:
        for consumer in consumers:
            consumer.turn()
        return condition()

    wait_until(turned, what=what)
