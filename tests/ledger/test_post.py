"""What a posting writes: the transaction, its two entries, and the wallets."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.people import balance_of, funded, person, status_set, wallet_of, wallet_of_id
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Entry, Kind, Status, Transaction
from wallets.domain.ids import snowflake_time
from wallets.models import Wallet, WalletStatus

pytestmark = pytest.mark.django_db

OUTSIDE_USD = 840


def entries_of(transaction: Transaction) -> list[tuple[int, int | None, int, int | None]]:
    rows = Entry.objects.filter(transaction=transaction).order_by("amount")
    return [(entry.wallet_id, entry.sequence, entry.amount, entry.balance_after) for entry in rows]


def posted(**fields: object) -> Transaction:
    (outcome,) = post([Command(**fields)])  # type: ignore[arg-type]
    assert outcome.error is None
    assert not outcome.replayed
    assert outcome.transaction is not None
    return Transaction.objects.get(id=outcome.transaction.id)


def test_a_deposit_comes_from_the_outside_world() -> None:
    alice = wallet_of(person("alice"))
    moved = posted(kind=Kind.DEPOSIT, amount=500, destination_id=alice.id, initiator_id=alice.owner_id)
    assert (moved.kind, moved.source_id, moved.destination_id) == (Kind.DEPOSIT, None, alice.id)
    assert entries_of(moved) == [(OUTSIDE_USD, None, -500, None), (alice.id, 1, 500, 500)]
    assert balance_of(alice) == 500


def test_a_withdrawal_goes_to_the_outside_world() -> None:
    alice = funded("alice", 500)
    moved = posted(kind=Kind.WITHDRAWAL, amount=200, source_id=alice.id, initiator_id=alice.owner_id)
    assert (moved.kind, moved.source_id, moved.destination_id) == (Kind.WITHDRAWAL, alice.id, None)
    assert entries_of(moved) == [(alice.id, 2, -200, 300), (OUTSIDE_USD, None, 200, None)]
    assert balance_of(alice) == 300


def test_a_transfer_debits_the_source_and_credits_the_destination() -> None:
    alice, bob = funded("alice", 500), funded("bob", 100)
    moved = posted(
        kind=Kind.TRANSFER,
        amount=200,
        source_id=alice.id,
        destination_id=bob.id,
        initiator_id=alice.owner_id,
        memo="rent ½ 🏠",
        idempotency_key="rent-2026-11",
    )
    assert entries_of(moved) == [(alice.id, 2, -200, 300), (bob.id, 2, 200, 300)]
    assert (moved.status, moved.currency, moved.amount, moved.failure_code) == (Status.POSTED, "USD", 200, "")
    assert (moved.memo, moved.idempotency_key) == ("rent ½ 🏠", "rent-2026-11")
    assert moved.initiator_id == alice.owner_id
    assert (wallet_of_id(alice.id).version, wallet_of_id(bob.id).version) == (2, 2)


def test_each_currency_has_its_own_outside_wallet() -> None:
    alice = wallet_of(person("alice"), "JPY")
    moved = posted(kind=Kind.DEPOSIT, amount=5, destination_id=alice.id, initiator_id=alice.owner_id)
    assert moved.currency == "JPY"
    assert entries_of(moved) == [(392, None, -5, None), (alice.id, 1, 5, 5)]


def test_all_rows_of_a_posting_have_the_same_time() -> None:
    before = timezone.now()
    alice = funded("alice", 500)
    moved = posted(kind=Kind.WITHDRAWAL, amount=200, source_id=alice.id, initiator_id=alice.owner_id)
    after = timezone.now()
    settled_at = moved.settled_at
    assert settled_at is not None
    assert before <= moved.created_at <= settled_at <= after
    assert {entry.created_at for entry in Entry.objects.filter(transaction=moved)} == {settled_at}
    assert wallet_of_id(alice.id).updated_at == settled_at
    assert abs(snowflake_time(moved.id) - settled_at) < timedelta(seconds=1)


def test_entries_are_in_order_of_time_even_if_the_clock_went_back() -> None:
    alice, bob = funded("alice", 500), funded("bob", 500)
    ahead = timezone.now() + timedelta(minutes=3)
    Wallet.objects.filter(id=bob.id).update(updated_at=ahead)
    to_bob = {"kind": Kind.TRANSFER, "source_id": alice.id, "destination_id": bob.id, "initiator_id": alice.owner_id}
    moved = posted(amount=1, **to_bob)
    assert moved.settled_at == ahead
    assert moved.created_at < ahead
    assert wallet_of_id(alice.id).updated_at == wallet_of_id(bob.id).updated_at == ahead
    assert posted(amount=1, **to_bob).settled_at == ahead


def test_an_empty_list_makes_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2):  # the savepoint and its release
        assert post([]) == []


@pytest.mark.parametrize("with_keys", [False, True])
def test_a_list_of_a_hundred_takes_as_many_statements_as_a_list_of_one(
    django_assert_num_queries: DjangoAssertNumQueries, with_keys: bool
) -> None:
    """The statements: savepoint, lock, look up keys (if any), write, release."""
    alice, bob = funded("alice", 10_000), funded("bob", 10_000)
    for size in (1, 100):
        commands = [
            Command(
                kind=Kind.TRANSFER,
                amount=1,
                source_id=alice.id if number % 2 else bob.id,
                destination_id=bob.id if number % 2 else alice.id,
                initiator_id=alice.owner_id or 0,
                idempotency_key=f"{size}-{number}" if with_keys else None,
            )
            for number in range(size)
        ]
        with django_assert_num_queries(5 if with_keys else 4):
            outcomes = post(commands)
        assert all(outcome.transaction for outcome in outcomes)


def test_a_list_in_which_everything_is_refused_writes_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    alice = funded("alice", 10)
    too_much = Command(kind=Kind.WITHDRAWAL, amount=11, source_id=alice.id, initiator_id=alice.owner_id or 0)
    with django_assert_num_queries(3):  # savepoint, lock, release
        outcomes = post([too_much, too_much])
    assert [outcome.error.code for outcome in outcomes if outcome.error] == ["insufficient_funds"] * 2
    assert wallet_of_id(alice.id).version == 1


def test_a_thousand_commands_of_many_users_are_replayed_in_one_list() -> None:
    alice = wallet_of(person("alice"))
    initiators = [person(f"person-{number}").pk for number in range(20)]
    commands = [
        Command(
            kind=Kind.DEPOSIT,
            amount=1,
            destination_id=alice.id,
            initiator_id=initiators[number % 20],
            idempotency_key=f"key-{number // 20}",
        )
        for number in range(1_000)
    ]
    assert all(outcome.transaction and not outcome.replayed for outcome in post(commands))
    again = post(commands)
    assert all(outcome.transaction and outcome.replayed for outcome in again)
    assert len({outcome.transaction.id for outcome in again if outcome.transaction}) == 1_000
    assert balance_of(alice) == 1_000


def test_the_outside_wallet_is_neither_locked_nor_updated() -> None:
    """Its row has the same version as before, and no trace of a lock."""
    alice = wallet_of(person("alice"))
    before = _row_version(OUTSIDE_USD)
    posted(kind=Kind.DEPOSIT, amount=500, destination_id=alice.id, initiator_id=alice.owner_id)
    posted(kind=Kind.WITHDRAWAL, amount=500, source_id=alice.id, initiator_id=alice.owner_id)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert _row_version(OUTSIDE_USD) == before
    assert _row_version(alice.id) != _row_version(OUTSIDE_USD)


def _row_version(wallet_id: int) -> tuple[str, str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid::text, xmin::text, xmax::text FROM wallets_wallet WHERE id = %s", [wallet_id])
        (row,) = cursor.fetchall()
    return (row[0], row[1], row[2])


def test_a_frozen_wallet_keeps_its_money_and_works_again_after_reopening() -> None:
    alice = funded("alice", 500)
    out = {"kind": Kind.WITHDRAWAL, "amount": 1, "source_id": alice.id, "initiator_id": alice.owner_id}
    status_set(alice, WalletStatus.FROZEN)
    (refused,) = post([Command(**out)])  # type: ignore[arg-type]
    assert refused.error is not None
    assert balance_of(alice) == 500
    status_set(alice, WalletStatus.OPEN)
    posted(**out)
    assert balance_of(alice) == 499


def test_a_posting_can_be_dated_in_the_past_but_not_in_the_future() -> None:
    alice = wallet_of(person("alice"))
    year_ago = timezone.now() - timedelta(days=365)
    Wallet.objects.filter(id=alice.id).update(updated_at=year_ago)
    command = Command(kind=Kind.DEPOSIT, amount=5, destination_id=alice.id, initiator_id=alice.owner_id or 0)
    with pytest.raises(ValueError, match="future"):
        post([command], at=timezone.now() + timedelta(seconds=10))
    (outcome,) = post([command], at=year_ago)
    assert outcome.transaction is not None
    assert outcome.transaction.settled_at == year_ago
    (outcome,) = post([command], at=year_ago - timedelta(days=1))
    assert outcome.transaction is not None
    assert outcome.transaction.settled_at == year_ago
