"""Transfers through Kafka, end to end: accepted, seen at once, settled once, in order."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.kafka.people import request, settle_until, submit, submit_many
from tests.kafka_broker import KafkaBroker
from tests.settlement.books import assert_in_order, assert_settled, outcomes
from tests.settlement.people import balance_of, person_wallet
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.models import Entry, Job, Status, Transaction
from transactions.reads import request_list, transaction_read, unposted_read
from transactions.recipients import TransferRequest
from transactions.services import transfer_create, transfer_submit, transfers_submit
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

Start = Callable[[], TransferConsumer]


@pytest.fixture
def alice(channel: KafkaBroker) -> Wallet:
    return person_wallet("alice", 1_000)


@pytest.fixture
def bob(channel: KafkaBroker) -> Wallet:
    return person_wallet("bob")


def test_a_transfer_is_pending_until_a_consumer_has_settled_it(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    accepted = submit(alice, bob, 250, memo="Lunch")

    assert not Transaction.objects.filter(id=accepted.id).exists()
    for owner in (alice.owner, bob.owner):
        assert owner
        seen = transaction_read(user=owner, transaction_id=accepted.id)
        assert (seen.status, seen.amount, seen.memo) == (Status.PENDING, 250, "Lunch")
    assert [data["id"] for data in unposted_read(wallet_id=alice.id).pending] == [str(accepted.id)]

    settle_until(consumer_start(), [accepted])

    assert alice.owner
    seen = transaction_read(user=alice.owner, transaction_id=accepted.id)
    assert (seen.status, seen.created_at) == (Status.POSTED, accepted.created_at)
    assert unposted_read(wallet_id=alice.id).pending == []
    assert (balance_of(alice), balance_of(bob)) == (750, 250)
    assert not Job.objects.exists()
    assert_settled([accepted], posted=1)


def test_nobody_else_sees_a_transfer_on_its_way(alice: Wallet, bob: Wallet) -> None:
    accepted = submit(alice, bob)
    charlie = person_wallet("charlie")
    assert charlie.owner

    with pytest.raises(WalletError) as refused:
        transaction_read(user=charlie.owner, transaction_id=accepted.id)

    assert refused.value.code == ErrorCode.NOT_FOUND


def test_a_wallets_transfers_settle_in_the_order_in_which_they_were_accepted(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    accepted = [*submit_many(alice, bob, 40), submit(alice, bob, 2), *submit_many(alice, bob, 40)]

    settle_until(consumer_start(), accepted)

    assert_in_order(alice, accepted)
    assert_settled(accepted, posted=81)


def test_a_refusal_settles_a_transfer_as_failed_with_its_reason(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    accepted = [submit(alice, bob, 600), submit(alice, bob, 600), submit(alice, bob, 400)]

    settle_until(consumer_start(), accepted)

    assert outcomes(accepted) == [("posted", ""), ("failed", "insufficient_funds"), ("posted", "")]
    assert [data["id"] for data in unposted_read(wallet_id=alice.id).failed] == [str(accepted[1].id)]
    assert_settled(accepted, posted=2)


def test_what_can_be_refused_at_once_is_refused_at_once(alice: Wallet, bob: Wallet) -> None:
    assert alice.owner
    answers = transfers_submit(
        actor=alice.owner, requests=[request(alice, bob, 0), request(alice, alice), request(alice, bob)]
    )

    codes = [answer.code if isinstance(answer, WalletError) else None for answer in answers]
    assert codes == [ErrorCode.MALFORMED, ErrorCode.SAME_WALLET, None]


def test_the_same_key_is_the_same_transfer_before_and_after_it_is_settled(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    assert alice.owner
    asked = request(alice, bob, 100, key="lunch")
    first = transfer_submit(actor=alice.owner, request=asked)
    second = transfer_submit(actor=alice.owner, request=asked)
    assert (first.replayed, second.replayed) == (False, True)
    assert second.transaction.id == first.transaction.id

    settle_until(consumer_start(), [first.transaction])

    third = transfer_submit(actor=alice.owner, request=asked)
    assert (third.replayed, third.transaction.id, third.transaction.status) == (True, first.transaction.id, "posted")
    assert balance_of(bob) == 100
    assert_settled([first.transaction], posted=1)


def test_a_used_key_with_another_amount_is_refused_before_postgres_knows_it(alice: Wallet, bob: Wallet) -> None:
    submit(alice, bob, 100, key="lunch")

    with pytest.raises(WalletError) as refused:
        submit(alice, bob, 101, key="lunch")

    assert refused.value.code == ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert set(refused.value.fields) == {"amount"}


def test_the_same_key_twice_in_one_list_is_one_transfer(alice: Wallet, bob: Wallet, consumer_start: Start) -> None:
    assert alice.owner
    asked = request(alice, bob, 100, key="lunch")
    answers = transfers_submit(actor=alice.owner, requests=[asked, asked, request(alice, bob, 1, key="lunch")])

    first, second, third = answers
    assert not isinstance(first, WalletError)
    assert not isinstance(second, WalletError)
    assert isinstance(third, WalletError)
    assert (first.transaction.id, second.replayed) == (second.transaction.id, True)
    settle_until(consumer_start(), [first.transaction])
    assert balance_of(bob) == 100


def test_what_a_key_asked_for_is_found_on_its_way_and_afterwards(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    assert alice.owner
    accepted = submit(alice, bob, key="lunch")
    for status in ("pending", "posted"):
        (found,) = request_list(user=alice.owner, idempotency_key="lunch")
        assert (found.id, found.status) == (accepted.id, status)
        settle_until(consumer_start(), [accepted])


def test_a_key_on_its_way_through_kafka_is_not_paid_at_once_by_another_door(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    assert alice.owner
    accepted = submit(alice, bob, 100, key="lunch")
    at_once = partial(
        transfer_create,
        actor=alice.owner,
        request=TransferRequest(source_id=alice.id, destination_id=bob.id, amount=100, idempotency_key="lunch"),
    )

    with pytest.raises(WalletError) as refused:
        at_once()

    assert refused.value.code == ErrorCode.IDEMPOTENCY_IN_PROGRESS
    settle_until(consumer_start(), [accepted])
    at_once()
    assert balance_of(bob) == 100


def test_many_are_settled_in_few_database_transactions(alice: Wallet, bob: Wallet, consumer_start: Start) -> None:
    accepted = submit_many(alice, bob, 900)

    settle_until(consumer_start(), accepted)

    # Entries of one posting carry one time.
    assert Entry.objects.filter(wallet=alice, amount__lt=0).values("created_at").distinct().count() < 30
    assert_settled(accepted, posted=900)
