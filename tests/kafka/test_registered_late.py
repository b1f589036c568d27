"""A consumer may be faster than whoever accepted the transfer."""

from collections.abc import Callable, Sequence

import pytest

from tests.kafka.people import settle_until, submit
from tests.kafka_broker import KafkaBroker
from tests.settlement.people import person_wallet
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.registry import transfer_record, transfers_out, transfers_register
from transactions.models import Transaction

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def test_what_is_registered_after_it_has_settled_is_not_on_its_way(
    channel: KafkaBroker, consumer_start: Callable[[], TransferConsumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = person_wallet("alice", 100), person_wallet("bob")
    consumer = consumer_start()

    def register_late(transactions: Sequence[Transaction]) -> None:
        settle_until(consumer, transactions)
        transfers_register(transactions)

    monkeypatch.setattr("transactions.channels.kafka.accept.transfers_register", register_late)
    accepted = submit(alice, bob)

    assert transfer_record(accepted.id) == b""
    assert transfers_out(wallet_id=alice.id, limit=10) == {}
