"""Unreadable messages end in the dead-letter topic, whole, and hold nobody up."""

import json
import random
from collections.abc import Callable

import pytest
from confluent_kafka.admin import AdminClient
from django.core.management import call_command
from pytest_django import Settings

from tests.kafka.raw import publish_with_header
from tests.kafka.sending import settle_until, submit, submit_many
from tests.kafka.topics import lag, messages_of, publish_raw
from tests.kafka_broker import KafkaBroker
from tests.settlement.books import assert_in_order, assert_settled
from tests.settlement.waiting import wait_until
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.dead_messages import dead_messages
from transactions.channels.kafka.messages import FAULT, ORIGIN
from transactions.channels.kafka.topics import dead_topic, due_topic, retry_topic, topics_make
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

Start = Callable[[], TransferConsumer]


def test_they_are_stored_as_they_came_with_the_reason_and_shown_to_staff(
    alice: Wallet, bob: Wallet, consumer_start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    poison = {
        b"\xff\x00 poison": "not JSON",
        b'{"schema": 2, "source": "1"}': "schema 1",
        b'{"schema": 1}': "no wallet",
        None: "not JSON",
    }
    accepted = submit_many(alice, bob, 50)
    for value in poison:
        publish_raw(due_topic(), value, key=str(alice.id).encode())
        accepted += submit_many(alice, bob, 50)

    consumer = consumer_start()
    settle_until(consumer, accepted)
    turn_until(consumer, lambda: lag() == 0, what="all messages are dealt with")

    dead = messages_of(dead_topic())
    assert [message.value for message in dead] == list(poison)
    call_command("dead_messages")
    shown = list(map(json.loads, capsys.readouterr().out.splitlines()[-len(poison) :]))
    for message, line, (value, reason) in zip(dead, shown, poison.items(), strict=True):
        assert reason in message.headers[FAULT].decode()
        assert reason in line["fault"]
        assert (line["origin"], line["key"]) == (message.headers[ORIGIN].decode(), str(alice.id))
        assert line["value"] == (value if value is None else value.decode(errors="backslashreplace"))
    assert_settled(accepted, posted=250)
    assert_in_order(alice, accepted)


@pytest.mark.parametrize(
    "value",
    [
        b'{"schema": 1, "\\ud800": 1}',
        json.dumps({"schema": "x" * 500_000}).encode(),
        b'{"schema": ' + b"9" * 5_000 + b"}",
        b"[" * 100_000,
        random.Random(5).randbytes(1_048_000),
        b" " * 5_000_000,
    ],
    ids=[
        "half a character",
        "a long schema",
        "a huge number",
        "too deep",
        "as large as may be",
        "larger once unpacked",
    ],
)
def test_it_goes_to_the_dead_letter_topic_whatever_is_in_it(
    alice: Wallet, bob: Wallet, consumer_start: Start, value: bytes
) -> None:
    publish_raw(due_topic(), value, key=str(alice.id).encode())
    accepted = submit(alice, bob)

    consumer = consumer_start()
    settle_until(consumer, [accepted])
    turn_until(consumer, lambda: lag() == 0, what="all messages are dealt with")

    (dead,) = messages_of(dead_topic())
    assert dead.value == value
    assert len(dead.headers[FAULT]) <= 8_000
    assert_settled([accepted], posted=1)


def test_one_that_is_too_large_to_be_stored_is_logged_and_passed_over(
    alice: Wallet, bob: Wallet, consumer_start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """A hundred megabytes of nothing, which are half a megabyte on their way."""
    publish_raw(due_topic(), b" " * 100_000_000, key=b"4711")
    accepted = submit(alice, bob)

    consumer = consumer_start()
    settle_until(consumer, [accepted])
    turn_until(consumer, lambda: lag() == 0, what="it is passed over")

    assert messages_of(dead_topic()) == []
    assert "message_too_large_to_store" in caplog.text


def test_a_header_that_is_no_text_stops_no_consumer(alice: Wallet, bob: Wallet, consumer_start: Start) -> None:
    for topic in (due_topic(), retry_topic()):
        publish_with_header(topic, f'{{"schema": 1, "source": "{alice.id}"}}'.encode(), name=b"\xff\xfe")
    accepted = submit(alice, bob)

    consumer = consumer_start()
    settle_until(consumer, [accepted])

    turn_until(consumer, lambda: lag() == 0, what="all messages are dealt with")
    assert_settled([accepted], posted=1)


def test_a_header_that_is_no_text_does_not_hide_a_dead_message(kafka: KafkaBroker) -> None:
    for _ in range(20):
        publish_with_header(dead_topic(), b"poison", name=b"\xff\xfe")

    assert [(message.value, message.headers) for message in dead_messages()] == [(b"poison", {})] * 20


def test_one_that_cannot_be_stored_yet_is_not_passed_over_and_holds_nobody_up(
    channel: KafkaBroker, alice: Wallet, bob: Wallet, consumer_start: Start, settings: Settings
) -> None:
    settings.KAFKA_DELIVERY_TIMEOUT_MS = 500
    admin = AdminClient({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS})
    admin.delete_topics([dead_topic()])[dead_topic()].result()
    publish_raw(due_topic(), b"poison", key=str(alice.id).encode())
    consumer = consumer_start()
    for _ in range(3):
        settle_until(consumer, [submit(alice, bob)])
    assert lag() > 0

    topics_make()

    turn_until(consumer, lambda: lag() == 0, what="it is stored after all")
    assert {message.value for message in messages_of(dead_topic())} == {b"poison"}


def turn_until(consumer: TransferConsumer, condition: Callable[[], bool], *, what: str) -> None:
    def turned() -> bool:
        consumer.turn()
        return condition()

    wait_until(turned, what=what)
