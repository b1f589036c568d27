"""Messages that somebody else wrote to do harm: they end in the dead topic, whole, and hold nobody up."""

import json
import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_django import Settings

from tests.kafka.people import settle_until, submit
from tests.kafka.topics import messages_of, publish_raw
from tests.kafka_broker import KafkaBroker
from tests.settlement.books import assert_settled
from tests.settlement.people import balance_of, person_wallet
from tests.settlement.poison import wallet_spoiled
from tests.settlement.waiting import wait_until
from transactions.channels.kafka import faults
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.topics import dead_topic, requested_topic
from transactions.models import Transaction
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

Start = Callable[[], TransferConsumer]


@pytest.fixture
def alice(channel: KafkaBroker) -> Wallet:
    return person_wallet("alice", 1_000)


@pytest.fixture
def bob(channel: KafkaBroker) -> Wallet:
    return person_wallet("bob")


@pytest.mark.parametrize(
    "value",
    [
        b'{"schema": 1, "\\ud800": 1}',
        json.dumps({"schema": "x" * 500_000}).encode(),
        random.Random(5).randbytes(1_048_000),
        b" " * 5_000_000,
    ],
    ids=["half a character", "a reason as long as itself", "as large as may be", "larger than its compressed self"],
)
def test_a_poison_message_goes_to_the_dead_topic_whatever_is_in_it(
    alice: Wallet, bob: Wallet, consumer_start: Start, value: bytes
) -> None:
    publish_raw(requested_topic(), value, key=str(alice.id).encode())
    accepted = submit(alice, bob)

    settle_until(consumer_start(), [accepted])

    (dead,) = messages_of(dead_topic())
    assert dead.value == value
    assert len(dead.headers["wallet-fault"]) <= 8_000
    assert_settled([accepted], posted=1)


def test_a_count_of_attempts_that_is_no_number_of_ours_counts_as_none(
    alice: Wallet, bob: Wallet, consumer_start: Start, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(faults, "retry_delay", lambda _: timedelta())
    settings.TRANSFER_ATTEMPTS_MAX = 2
    poison = submit(alice, bob)
    (message,) = messages_of(requested_topic())
    publish_raw(requested_topic(), message.value, key=message.key, headers={"wallet-attempts": b"9" * 5_000})
    with wallet_spoiled(alice):
        consumer = consumer_start()

        def dead() -> bool:
            consumer.turn()
            return len(messages_of(dead_topic())) == 2

        wait_until(dead, what="both are left to staff")

    assert {message.attempts for message in messages_of(dead_topic())} == {2}
    assert Transaction.objects.get(id=poison.id).status == "pending"


@pytest.mark.parametrize("change", [{"amount": 999}, {"memo": "not what was asked"}])
def test_another_transfer_under_a_used_id_is_not_passed_over_in_silence(
    alice: Wallet, bob: Wallet, consumer_start: Start, change: dict[str, object]
) -> None:
    """Whoever sent it may have told somebody that it was accepted."""
    accepted = submit(alice, bob, 7, key="rent")
    (message,) = messages_of(requested_topic())
    assert message.value is not None
    strange = json.dumps({**json.loads(message.value), **change}).encode()
    for value in (strange, message.value):
        publish_raw(requested_topic(), value, key=message.key)
    later = submit(alice, bob, 1)

    settle_until(consumer_start(), [accepted, later])

    (dead,) = messages_of(dead_topic())
    assert dead.value == strange
    assert "id" in dead.headers["wallet-fault"].decode()
    assert balance_of(bob) == 8
    assert_settled([accepted, later], posted=2)
