"""Transfers that were accepted outside of Postgres: on record under their ids, once, whatever comes twice."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.ledger.people import deposit, person, wallet_of
from tests.settlement.books import assert_books_clean
from transactions.ledger.commands import Command, Promise
from transactions.ledger.post import post
from transactions.models import Entry, Kind, Transaction
from wallets.domain.errors import ErrorCode
from wallets.models import Wallet
from wallets.node_leases import snowflake_next
from wallets.services import wallet_freeze

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(db: None) -> Wallet:
    wallet = wallet_of(person("alice"))
    deposit(wallet, 1_000)
    return wallet


@pytest.fixture
def bob(db: None) -> Wallet:
    return wallet_of(person("bob"))


def promised(source: Wallet, destination: Wallet, amount: int = 10, *, key: str | None = None) -> Command:
    assert source.owner_id is not None
    return Command(
        kind=Kind.TRANSFER,
        amount=amount,
        source_id=source.id,
        destination_id=destination.id,
        initiator_id=source.owner_id,
        memo="Lunch",
        idempotency_key=key,
        promised=Promise(id=snowflake_next(), created_at=timezone.now() - timedelta(hours=1)),
    )


def test_it_is_posted_under_its_id_and_the_time_of_its_acceptance(alice: Wallet, bob: Wallet) -> None:
    command = promised(alice, bob, key="lunch")
    assert command.promised

    (outcome,) = post([command])

    stored = Transaction.objects.get(kind=Kind.TRANSFER)
    assert outcome.transaction == stored
    assert (stored.id, stored.created_at) == (command.promised.id, command.promised.created_at)
    assert (stored.status, stored.memo, stored.idempotency_key) == ("posted", "Lunch", "lunch")
    assert stored.settled_at
    assert stored.settled_at > stored.created_at
    assert Entry.objects.filter(transaction=stored).count() == 2
    assert_books_clean()


def test_a_refusal_goes_on_record_as_its_outcome(alice: Wallet, bob: Wallet) -> None:
    assert alice.owner
    commands = [promised(alice, bob, 1_001, key="too-much"), promised(alice, bob)]
    too_much, moved = post(commands)
    wallet_freeze(wallet_id=bob.id, actor=alice.owner, reason="test")
    (frozen,) = post([promised(alice, bob)])

    assert (too_much.on_record, moved.on_record, frozen.on_record) == (True, False, True)
    failed = Transaction.objects.filter(status="failed").order_by("id")
    assert [t.failure_code for t in failed] == ["insufficient_funds", "wallet_frozen"]
    assert failed[0].idempotency_key == "too-much"
    assert_books_clean()


def test_what_is_on_record_stays_as_it_is(alice: Wallet, bob: Wallet) -> None:
    posted, failed = promised(alice, bob, 600), promised(alice, bob, 600)
    post([posted, failed])
    deposit(alice, 1_000)

    again = post([posted, failed, failed, posted])

    assert all(outcome.replayed and outcome.error is None for outcome in again)
    assert [outcome.transaction.status for outcome in again if outcome.transaction] == [
        *("posted", "failed"),
        *("failed", "posted"),
    ]
    assert Wallet.objects.get(id=bob.id).balance == 600


@pytest.mark.parametrize("together", [True, False])
def test_another_one_under_the_id_of_one_on_record_is_refused(alice: Wallet, bob: Wallet, together: bool) -> None:
    command = promised(alice, bob)
    others = [
        replace(command, amount=11),
        replace(command, memo="Dinner"),
        replace(command, source_id=bob.id, destination_id=alice.id),
        replace(command, initiator_id=bob.owner_id or 0),
    ]

    outcomes = post([command, *others])[1:] if together else [post([command]), post(others)][1]

    for outcome in outcomes:
        assert outcome.error
        assert (outcome.error.code, list(outcome.error.fields), outcome.on_record) == (
            ErrorCode.MALFORMED,
            ["id"],
            False,
        )
    assert Transaction.objects.filter(kind=Kind.TRANSFER).count() == 1
    assert Wallet.objects.get(id=bob.id).balance == 10
    assert_books_clean()


def test_the_same_one_twice_in_a_list_moves_the_money_once(alice: Wallet, bob: Wallet) -> None:
    command = promised(alice, bob)

    first, second = post([command, command])

    assert (first.replayed, second.replayed) == (False, True)
    assert Wallet.objects.get(id=bob.id).balance == 10


@pytest.mark.parametrize("amount", [10, 11], ids=["the same request", "another request"])
@pytest.mark.parametrize("together", [True, False])
def test_a_second_one_with_a_used_key_fails_and_leaves_the_key_where_it_is(
    alice: Wallet, bob: Wallet, amount: int, together: bool
) -> None:
    first, second = promised(alice, bob, key="rent"), promised(alice, bob, amount, key="rent")
    assert first.promised
    assert second.promised
    if together:
        post([first, second])
    else:
        post([first])
        post([second])

    late = Transaction.objects.get(id=second.promised.id)
    assert (late.status, late.failure_code, late.idempotency_key) == ("failed", "idempotency_key_reused", None)
    assert Transaction.objects.get(idempotency_key="rent").id == first.promised.id
    assert Wallet.objects.get(id=bob.id).balance == 10
    assert post([second])[0].replayed
    assert_books_clean()


def test_a_key_that_was_used_at_another_door_is_used(alice: Wallet, bob: Wallet) -> None:
    command = promised(alice, bob, key="rent")
    post([replace(command, promised=None)])

    (outcome,) = post([command])

    assert outcome.error
    assert (outcome.error.code, outcome.on_record) == (ErrorCode.IDEMPOTENCY_KEY_REUSED, True)
    assert Wallet.objects.get(id=bob.id).balance == 10


def test_what_cannot_be_put_on_record_is_refused_and_harms_no_neighbour(alice: Wallet, bob: Wallet) -> None:
    assert bob.owner
    nowhere = replace(promised(alice, bob), destination_id=4_711)
    nobody = replace(promised(alice, bob), source_id=4_711)
    euros = promised(alice, wallet_of(bob.owner, "EUR"))
    itself = promised(alice, alice)

    outcomes = post([nowhere, nobody, euros, itself, promised(alice, bob)])

    assert [outcome.error and outcome.error.code for outcome in outcomes] == [
        ErrorCode.NOT_FOUND,
        ErrorCode.NOT_FOUND,
        ErrorCode.CURRENCY_MISMATCH,
        ErrorCode.SAME_WALLET,
        None,
    ]
    assert not any(outcome.on_record for outcome in outcomes)
    assert Transaction.objects.filter(kind=Kind.TRANSFER).count() == 1
    assert_books_clean()
