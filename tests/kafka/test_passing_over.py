"""A consumer has other work to do than wait for a wallet that somebody holds."""

import threading
from collections.abc import Callable

import pytest
from django.db import connections

from tests.kafka.people import submit_many
from tests.kafka_broker import KafkaBroker
from tests.queue.books import assert_in_order, assert_settled, status_counts
from tests.queue.locks import wallet_held
from tests.queue.people import person_wallet
from tests.queue.waiting import wait_until
from transactions.kafka import settle
from transactions.kafka.consumer import TransferConsumer
from transactions.models import Transaction

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def test_transfers_of_other_wallets_are_settled_meanwhile_and_the_holders_own_stay_in_order(
    channel: KafkaBroker, consumer_start: Callable[[], TransferConsumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "_LOCK_TIMEOUT_MS", 60_000)
    alice, bob = person_wallet("alice", 100), person_wallet("bob", 100)
    held, free = person_wallet("held"), person_wallet("free")
    behind = [*submit_many(alice, held, 1), *submit_many(alice, free, 1), *submit_many(alice, held, 1)]
    meanwhile = submit_many(bob, free, 5)
    consumer = consumer_start()
    over = threading.Event()

    def consume() -> None:
        while not over.is_set():
            consumer.turn()
        connections.close_all()

    thread = threading.Thread(target=consume)
    try:
        with wallet_held(held):
            thread.start()
            wait_until(lambda: posted(meanwhile) == 5, what="Bob's transfers are settled")
            # One of them asks for nothing that is held, and would overtake the one before it.
            assert posted(behind) == 0
        wait_until(lambda: posted(behind) == 3, what="Alice's are, too")
    finally:
        over.set()
        thread.join(60)

    assert_in_order(alice, behind)
    assert_settled([*behind, *meanwhile], posted=8)


def posted(transfers: list[Transaction]) -> int:
    return status_counts(transfers).get("posted", 0)
