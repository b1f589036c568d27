"""What is published, and what is told of a list of which the broker acknowledged a part."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import structlog
from pytest_django import Settings

from tests.kafka.people import request, submit
from tests.kafka.topics import messages_of
from tests.kafka_broker import KafkaBroker
from tests.settlement.people import person_wallet
from tests.settlement.poison import wallet_spoiled
from tests.settlement.waiting import wait_until
from transactions.channels.kafka import faults
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.messages import Outgoing
from transactions.channels.kafka.producer import messages_publish
from transactions.channels.kafka.topics import dead_topic, requested_topic, retry_topic
from transactions.reads import request_list, unmoved_read
from transactions.services import transfers_submit
from wallets.domain.errors import ErrorCode, WalletError

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def test_of_a_list_only_what_was_acknowledged_is_accepted(
    channel: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    assert alice.owner

    def second_lost(messages: Sequence[Outgoing]) -> list[bool]:
        return [*messages_publish(messages[:1]), False, *messages_publish(messages[2:])]

    monkeypatch.setattr("transactions.channels.kafka.accept.messages_publish", second_lost)
    wanted = [request(alice, bob, amount, key=f"bill-{amount}") for amount in (1, 2, 3)]
    first, second, third = transfers_submit(actor=alice.owner, requests=wanted)

    assert not isinstance(first, WalletError)
    assert not isinstance(third, WalletError)
    assert isinstance(second, WalletError)
    assert second.code == ErrorCode.UNAVAILABLE
    accepted = [str(third.transaction.id), str(first.transaction.id)]
    assert [data["id"] for data in unmoved_read(wallet_id=alice.id).pending] == accepted
    with pytest.raises(WalletError) as refused:
        request_list(user=alice.owner, idempotency_key="bill-2")
    assert refused.value.code == ErrorCode.IDEMPOTENCY_IN_PROGRESS


def test_its_key_and_the_request_that_it_came_with_go_with_a_transfer_wherever_it_is_put(
    channel: KafkaBroker,
    consumer_start: Callable[[], TransferConsumer],
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    monkeypatch.setattr(faults, "retry_delay", lambda _: timedelta())
    settings.TRANSFER_ATTEMPTS_MAX = 2
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    with structlog.contextvars.bound_contextvars(request_id="morning-1"):
        submit(alice, bob)
    consumer = consumer_start()

    def dead() -> bool:
        consumer.turn()
        return bool(messages_of(dead_topic()))

    with wallet_spoiled(alice):
        wait_until(dead, what="the transfer is left to staff")

    for topic in (requested_topic(), retry_topic(), dead_topic()):
        (message,) = messages_of(topic)
        assert (message.request_id, message.key) == ("morning-1", str(alice.id).encode())
