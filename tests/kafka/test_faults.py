"""Faults while Kafka is the channel: the job holds back its wallet's later ones, is retried, and is left to staff."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.kafka.sending import settle_until, submit, submit_many, unsettled
from tests.kafka.test_unreadable import turn_until
from tests.kafka.topics import lag, messages_of, publish_raw
from tests.kafka.worker import APPLICATION, Worker
from tests.people import balance_of, funded
from tests.settlement.books import assert_books_clean, assert_in_order, assert_settled, outcomes
from tests.settlement.locks import backends, outside_connection, wallet_held
from tests.settlement.poison import wallet_heal, wallet_spoil, wallet_spoiled
from tests.settlement.waiting import wait_until
from transactions.audit import books_audit
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.messages import FAULT, look_read
from transactions.channels.kafka.topics import dead_topic, due_topic, retry_topic
from transactions.models import Job
from transactions.settlement import retry
from transactions.settlement.dead_letters import dead_letter_fail, dead_letter_list, dead_letter_replay
from transactions.settlement.poll import overdue_settle
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

Start = Callable[[], TransferConsumer]


@pytest.fixture(autouse=True)
def _short_back_off(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(retry, "retry_delay", lambda attempts: timedelta(milliseconds=50 * attempts))
    settings.TRANSFER_ATTEMPTS_MAX = 3


def test_a_faulty_transfer_among_thousands_is_given_up_and_announced_and_the_others_settle(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    mallory = funded("mallory", 100)
    with wallet_spoiled(mallory):
        faulty = submit(mallory, bob, 1)
        good = submit_many(alice, bob, 1_000) + submit_many(bob, alice, 1_000)
        consumer = consumer_start()
        settle_until(consumer, good)
        turn_until(consumer, dead_letter_list().exists, what="the faulty one is left to staff")

    (letter,) = dead_letter_list()
    assert (letter.transaction_id, letter.attempts) == (faulty.id, 3)
    wait_until(lambda: bool(messages_of(dead_topic())), what="it is announced")
    (dead,) = messages_of(dead_topic())
    assert json.loads(dead.value or b"") == {
        "schema": 1, "source": str(mallory.id), "transaction": str(faulty.id), "attempts": 3,
    }  # fmt: skip
    assert dead.headers[FAULT].decode() == letter.last_fault
    assert_settled(good, posted=2_000)
    assert books_audit().clean


def test_a_faulty_job_holds_back_later_jobs_of_its_wallet_and_of_no_other(
    alice: Wallet, bob: Wallet, charlie: Wallet, consumer_start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "retry_delay", lambda attempts: timedelta(minutes=1))
    consumer = consumer_start()
    wallet_spoil(alice)
    first = submit(alice, charlie)
    turn_until(consumer, Job.objects.filter(not_before__isnull=False).exists, what="the first one is put off")
    wallet_heal(alice)
    later, others = submit_many(alice, charlie, 5), submit_many(bob, charlie, 5)

    settle_until(consumer, others)
    publish_raw(due_topic(), f'{{"schema": 1, "source": "{alice.id}"}}'.encode())
    turn_until(consumer, lambda: lag() == 0, what="it was told again where to look")
    overdue_settle()

    assert unsettled([first, *later]) == 6
    Job.objects.filter(not_before__isnull=False).update(not_before=timezone.now())
    overdue_settle()
    assert_settled([first, *later, *others], posted=11)
    assert_in_order(alice, [first, *later])


def test_what_heals_is_settled_when_the_retry_topic_says_to_look_again(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    wallet_spoil(alice)
    accepted = submit(alice, bob, 30)
    consumer = consumer_start()
    turn_until(consumer, lambda: bool(messages_of(retry_topic())), what="somebody is told when to look again")
    wallet_heal(alice)

    # The consumer alone: nobody polls here.
    settle_until(consumer, [accepted])

    (message, *_) = messages_of(retry_topic())
    assert look_read(message).not_before is not None
    assert message.key == str(alice.id).encode()
    assert_settled([accepted], posted=1)
    assert not messages_of(dead_topic())


def test_what_is_to_be_tried_again_is_found_by_polling_when_its_message_is_lost(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    wallet_spoil(alice)
    accepted = submit(alice, bob, 30)
    consumer = consumer_start()
    turn_until(consumer, lambda: bool(messages_of(retry_topic())), what="somebody is told when to look again")
    consumer.close()
    wallet_heal(alice)

    wait_until(lambda: bool(overdue_settle().posted), what="polling finds it")

    assert_settled([accepted], posted=1)


def test_staff_replay_a_dead_letter_and_fail_another(alice: Wallet, bob: Wallet, consumer_start: Start) -> None:
    with wallet_spoiled(alice):
        first, second = submit(alice, bob, 30), submit(alice, bob, 40)
        consumer = consumer_start()
        turn_until(consumer, lambda: dead_letter_list().count() == 2, what="both are left to staff")

    assert dead_letter_replay(transaction_id=first.id, actor=None, note="healed")
    assert dead_letter_fail(transaction_id=second.id, actor=None, note="not wanted any more")
    wait_until(lambda: bool(overdue_settle().posted), what="the replayed one is settled")

    assert outcomes([first, second]) == [("posted", ""), ("failed", "settlement_failed")]
    assert balance_of(bob) == 5_030
    assert_books_clean()


def test_a_wallet_that_somebody_holds_is_waited_for_and_never_given_up(
    alice: Wallet, bob: Wallet, charlie: Wallet, consumer_start: Start
) -> None:
    consumer = consumer_start()
    held, free = submit_many(alice, charlie, 5), submit_many(bob, charlie, 20)
    with wallet_held(alice):
        settle_until(consumer, free)
        turn_until(consumer, Job.objects.filter(attempts__gt=3).exists, what="it was tried more than three times")

    settle_until(consumer, held)

    assert not messages_of(dead_topic())
    assert_settled(held + free, posted=25)


def test_consumers_whom_postgres_throws_out_carry_on(
    alice: Wallet, bob: Wallet, worker_start: Callable[..., Worker]
) -> None:
    worker_start().wait_until_assigned()
    accepted = []
    for _ in range(5):
        accepted += submit_many(alice, bob, 300)
        with outside_connection() as operator:
            for pid in backends(application=APPLICATION):
                operator.execute("SELECT pg_terminate_backend(%s)", [pid])

    wait_until(lambda: not unsettled(accepted), what="everything is settled")
    assert_settled(accepted, posted=1_500)
    assert not Job.objects.exists()
    assert_in_order(alice, accepted)
