"""Faults on the Kafka channel: alone with their message, tried again later, left to staff at last."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from tests.kafka.people import settle_until, submit, submit_many
from tests.kafka.topics import messages_of, publish_raw
from tests.kafka_broker import KafkaBroker
from tests.settlement.books import assert_books_clean, assert_in_order, assert_settled, outcomes
from tests.settlement.locks import wallet_held
from tests.settlement.people import balance_of, drain, person_wallet
from tests.settlement.poison import wallet_heal, wallet_spoil, wallet_spoiled
from tests.settlement.waiting import wait_until
from transactions.audit import books_audit
from transactions.channels.kafka import faults, settle
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.messages import Outgoing
from transactions.channels.kafka.topics import dead_topic, requested_topic, retry_topic
from transactions.models import Job, Transaction
from transactions.reads import transaction_read
from transactions.settlement.dead_letters import dead_letter_fail, dead_letter_list, dead_letter_replay
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

Start = Callable[[], TransferConsumer]


@pytest.fixture(autouse=True)
def _short_back_off(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(faults, "retry_delay", lambda attempts: timedelta(milliseconds=50 * attempts))
    settings.TRANSFER_ATTEMPTS_MAX = 3


@pytest.fixture
def alice(channel: KafkaBroker) -> Wallet:
    return person_wallet("alice", 5_000)


@pytest.fixture
def bob(channel: KafkaBroker) -> Wallet:
    return person_wallet("bob", 5_000)


def test_a_poison_transfer_among_thousands_ends_in_the_dead_letters_and_the_others_settle(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    charlie, mallory = person_wallet("charlie"), person_wallet("mallory", 100)
    with wallet_spoiled(mallory):
        poison = submit(mallory, charlie, 7, key="rent")
        good = submit_many(alice, charlie, 1_000) + submit_many(bob, charlie, 1_000)
        consumer = consumer_start()
        settle_until(consumer, good)
        settle_dead(consumer)

    (letter,) = dead_letter_list()
    assert (letter.transaction_id, letter.attempts) == (poison.id, 3)
    assert "wallet" in letter.last_fault
    assert letter.transaction.idempotency_key == "rent"
    assert_settled(good, posted=2_000)
    assert books_audit().clean
    assert mallory.owner
    assert transaction_read(user=mallory.owner, transaction_id=poison.id).status == "pending"


def test_a_dead_letter_says_on_its_topic_where_it_came_from_and_what_was_wrong(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    with wallet_spoiled(alice):
        poison = submit(alice, bob)
        settle_dead(consumer_start())

    (dead,) = messages_of(dead_topic())
    assert dead.command is not None
    assert dead.command.promised is not None
    assert dead.command.promised.id == poison.id
    assert (dead.attempts, dead.origin.split("/")[0]) == (3, requested_topic())
    assert b"Error" in dead.headers["wallet-fault"]
    retried = messages_of(retry_topic())
    assert [message.attempts for message in retried] == [1, 2]
    assert {message.origin for message in retried} == {dead.origin}


def test_staff_replay_a_dead_letter_through_the_queue(alice: Wallet, bob: Wallet, consumer_start: Start) -> None:
    with wallet_spoiled(alice):
        poison = submit(alice, bob, 30)
        settle_dead(consumer_start())

    assert dead_letter_replay(transaction_id=poison.id, actor=None, note="healed")
    drain(alice)

    assert outcomes([poison]) == [("posted", "")]
    assert balance_of(bob) == 5_030
    assert_books_clean()


def test_staff_fail_a_dead_letter_and_its_message_comes_again_in_vain(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    with wallet_spoiled(alice):
        poison = submit(alice, bob, 30)
        consumer = consumer_start()
        settle_dead(consumer)
    assert dead_letter_fail(transaction_id=poison.id, actor=None, note="not wanted any more")

    (dead,) = messages_of(dead_topic())
    assert dead.value is not None
    publish_raw(requested_topic(), dead.value, key=dead.key)
    later = submit(alice, bob)
    settle_until(consumer, [later])

    assert outcomes([poison, later]) == [("failed", "settlement_failed"), ("posted", "")]
    assert balance_of(bob) == 5_001


def test_what_heals_is_settled_by_a_retry(alice: Wallet, bob: Wallet, consumer_start: Start) -> None:
    wallet_spoil(alice)
    accepted = submit(alice, bob, 30)
    consumer = consumer_start()
    turn_until(consumer, lambda: bool(messages_of(retry_topic())), "the transfer is to be tried again")
    wallet_heal(alice)

    settle_until(consumer, [accepted])

    assert_settled([accepted], posted=1)
    assert not messages_of(dead_topic())


def test_what_could_not_be_put_elsewhere_is_not_passed_over(
    alice: Wallet, bob: Wallet, consumer_start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Sequence[Outgoing]] = []

    def unheard(messages: Sequence[Outgoing]) -> list[bool]:
        if messages:
            tried.append(messages)
        return [False] * len(messages)

    consumer = consumer_start()
    with wallet_spoiled(alice), monkeypatch.context() as patch:
        patch.setattr(faults, "messages_publish", unheard)
        faulty, good = submit(alice, bob, 3), submit(bob, person_wallet("charlie"), 4)
        turn_until(consumer, lambda: len(tried) > 1, "the broker has twice not taken the faulty one")

    settle_until(consumer, [faulty, good])

    assert not messages_of(retry_topic())
    assert_settled([faulty, good], posted=2)


def test_a_wallet_that_somebody_holds_is_waited_for_and_never_given_up(
    alice: Wallet, bob: Wallet, consumer_start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "_LOCK_TIMEOUT_MS", 200)
    charlie = person_wallet("charlie")
    with wallet_held(alice):
        held = submit_many(alice, charlie, 5)
        free = submit_many(bob, charlie, 20)
        consumer = consumer_start()
        settle_until(consumer, free)
        turn_until(consumer, lambda: len(messages_of(retry_topic())) > 15, "the held ones were tried four times")

    settle_until(consumer, held)

    assert not Job.objects.exists()
    assert_settled(held + free, posted=25)


def test_while_the_database_is_away_nothing_is_charged_and_nothing_is_lost(
    alice: Wallet, bob: Wallet, consumer_start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = submit_many(alice, bob, 10)
    consumer = consumer_start()
    with monkeypatch.context() as away:
        asked = database_away(away)
        turn_until(consumer, lambda: len(asked) > 2, "the consumer has tried three times")
    assert not Transaction.objects.filter(id__in=[t.id for t in accepted]).exists()

    settle_until(consumer, accepted)

    assert not messages_of(retry_topic())
    assert_settled(accepted, posted=10)


def test_messages_that_nobody_can_read_go_to_the_dead_topic_as_they_came(
    alice: Wallet, bob: Wallet, consumer_start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    poison = {b"\xff\x00 poison": "no JSON", b'{"schema": 2, "id": "1"}': "Its schema is 2", None: "no JSON"}
    accepted = submit_many(alice, bob, 50)
    for value in poison:
        publish_raw(requested_topic(), value, key=str(alice.id).encode())
        accepted += submit_many(alice, bob, 50)

    settle_until(consumer_start(), accepted)

    dead = messages_of(dead_topic())
    assert [message.value for message in dead] == list(poison)
    call_command("dead_messages")
    shown = list(map(json.loads, capsys.readouterr().out.splitlines()[-len(poison) :]))
    for message, line, (value, reason) in zip(dead, shown, poison.items(), strict=True):
        assert reason in message.headers["wallet-fault"].decode()
        assert reason in line["fault"]
        assert (line["origin"], line["key"]) == (message.origin, str(alice.id))
        assert line["value"] == (value if value is None else value.decode(errors="backslashreplace"))
    assert_settled(accepted, posted=200)
    assert_in_order(alice, accepted)


def test_a_transfer_between_wallets_that_do_not_exist_goes_to_the_dead_topic(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    accepted = submit(alice, bob)
    (message,) = messages_of(requested_topic())
    assert message.value is not None
    strange = message.value.replace(str(bob.id).encode(), b"999999").replace(str(accepted.id).encode(), b"4711")
    publish_raw(requested_topic(), strange, key=message.key)

    settle_until(consumer_start(), [accepted])
    wait_until(lambda: bool(messages_of(dead_topic())), what="the strange one is put aside")

    assert messages_of(dead_topic())[0].value == strange
    assert_settled([accepted], posted=1)


def settle_dead(consumer: TransferConsumer) -> None:
    turn_until(consumer, dead_letter_list().exists, "the transfer is left to staff")


def turn_until(consumer: TransferConsumer, condition: Callable[[], bool], what: str) -> None:
    def turned() -> bool:
        consumer.turn()
        return condition()

    wait_until(turned, what=what)


def database_away(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Posting meets a server that is shutting down; how often it was tried."""
    asked: list[object] = []

    def refusing(commands: object) -> None:
        asked.append(commands)
        with connection.wrap_database_errors:
            raise psycopg.errors.AdminShutdown("the database system is shutting down")

    monkeypatch.setattr(settle, "post", refusing)
    return asked
