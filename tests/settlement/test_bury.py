"""A transfer from Kafka that was given up lies among the dead letters like any other."""

from dataclasses import replace

import pytest
from django.db import IntegrityError
from django.utils import timezone

from tests.settlement.books import assert_books_clean
from tests.settlement.people import balance_of, drain, person_wallet, transfer
from transactions.ledger.commands import Command, Promise
from transactions.ledger.post import post
from transactions.models import Job, Transaction
from transactions.reads import unmoved_read
from transactions.settlement.bury import transfer_bury
from transactions.settlement.dead_letters import dead_letter_list, dead_letter_replay
from wallets.models import Wallet
from wallets.node_leases import snowflake_next

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(transactional_db: None) -> Wallet:
    return person_wallet("alice", 1_000)


@pytest.fixture
def bob(transactional_db: None) -> Wallet:
    return person_wallet("bob")


def given_up(source: Wallet, destination: Wallet) -> Command:
    promise = Promise(id=snowflake_next(), created_at=timezone.now())
    return replace(transfer(source, destination, 10, key="rent").command, promised=promise)


def test_it_is_pending_with_a_dead_job_that_says_why(alice: Wallet, bob: Wallet) -> None:
    command = given_up(alice, bob)
    assert command.promised

    transfer_bury(command, fault="it would not go", attempts=10)

    (letter,) = dead_letter_list()
    assert (letter.transaction_id, letter.attempts, letter.last_fault) == (command.promised.id, 10, "it would not go")
    stored = letter.transaction
    assert (stored.status, stored.currency, stored.idempotency_key) == ("pending", "USD", "rent")
    assert stored.created_at == command.promised.created_at
    assert_books_clean()


def test_whoever_sent_it_sees_it_pending_although_the_list_was_cached(
    alice: Wallet, bob: Wallet, trusted_cache: None
) -> None:
    for _ in range(2):
        assert unmoved_read(wallet_id=alice.id).pending == []
    command = given_up(alice, bob)
    assert command.promised

    transfer_bury(command, fault="it would not go", attempts=10)

    assert [data["id"] for data in unmoved_read(wallet_id=alice.id).pending] == [str(command.promised.id)]


def test_staff_replay_it_as_any_other(alice: Wallet, bob: Wallet) -> None:
    command = given_up(alice, bob)
    assert command.promised
    transfer_bury(command, fault="it would not go", attempts=10)

    assert dead_letter_replay(transaction_id=command.promised.id, actor=None, note="")
    drain(alice)

    assert balance_of(bob) == 10
    assert_books_clean()


def test_one_that_is_on_record_stays_as_it_is(alice: Wallet, bob: Wallet) -> None:
    command = given_up(alice, bob)
    post([command])

    transfer_bury(command, fault="too late", attempts=10)
    transfer_bury(command, fault="too late", attempts=10)

    assert not Job.objects.exists()
    assert Transaction.objects.get(idempotency_key="rent").status == "posted"


def test_one_whose_key_was_used_meanwhile_fails_and_can_never_be_replayed(alice: Wallet, bob: Wallet) -> None:
    command = given_up(alice, bob)
    assert command.promised
    post([replace(command, promised=None)])

    transfer_bury(command, fault="too late", attempts=10)

    assert not Job.objects.exists()
    buried = Transaction.objects.get(id=command.promised.id)
    assert (buried.status, buried.failure_code) == ("failed", "idempotency_key_reused")
    assert balance_of(bob) == 10
    assert_books_clean()


def test_one_that_names_nobody_we_know_is_not_put_on_record(alice: Wallet, bob: Wallet) -> None:
    command = given_up(alice, bob)
    for strange in (
        replace(command, initiator_id=4_711),
        replace(command, source_id=4_711),
        replace(command, destination_id=4_711),
    ):
        with pytest.raises(IntegrityError):
            transfer_bury(strange, fault="strange", attempts=10)

    assert not Job.objects.exists()
    assert not Transaction.objects.filter(status="pending").exists()
