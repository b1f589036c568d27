"""Transfers with Kafka as the channel, end to end: accepted, seen at once, settled once, in order."""

from collections.abc import Callable

import pytest

from tests.kafka.sending import settle_until, submit, submit_list, submit_many
from tests.kafka.topics import lag, messages_of
from tests.people import balance_of
from tests.settlement.books import assert_in_order, assert_settled, outcomes
from tests.settlement.waiting import wait_until
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.topics import due_topic
from transactions.models import Entry, Job, Status, Transaction
from transactions.reads import transaction_read, unposted_read
from wallets.models import Wallet
from wallets.selectors import wallet_view_find

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

Start = Callable[[], TransferConsumer]


def test_a_transfer_is_pending_in_postgres_until_a_consumer_has_settled_it(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    accepted = submit(alice, bob, 250)

    assert Transaction.objects.get(id=accepted.id).status == Status.PENDING
    assert Job.objects.get().transaction_id == accepted.id
    view = wallet_view_find(wallet_id=alice.id)
    assert view
    assert [data["id"] for data in unposted_read(wallet=view).pending] == [str(accepted.id)]

    settle_until(consumer_start(), [accepted])

    assert bob.owner
    assert transaction_read(user=bob.owner, transaction_id=accepted.id).status == Status.POSTED
    assert (balance_of(alice), balance_of(bob)) == (4_750, 5_250)
    assert not Job.objects.exists()
    assert_settled([accepted], posted=1)


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
    accepted = submit_list(alice, [(bob, 3_000), (bob, 3_000), (bob, 2_000)])

    settle_until(consumer_start(), accepted)

    assert outcomes(accepted) == [("posted", ""), ("failed", "insufficient_funds"), ("posted", "")]
    assert_settled(accepted, posted=2)


def test_a_list_of_transfers_is_one_message_and_few_database_transactions(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    accepted = submit_many(alice, bob, 900)

    settle_until(consumer_start(), accepted)

    (message,) = messages_of(due_topic())
    assert message.key == str(alice.id).encode()
    # Entries of one posting carry one time.
    assert Entry.objects.filter(wallet=alice, amount__lt=0).values("created_at").distinct().count() < 5
    assert_settled(accepted, posted=900)


def test_a_replay_sends_no_message(alice: Wallet, bob: Wallet, consumer_start: Start) -> None:
    first = submit(alice, bob, 100, key="lunch")
    second = submit(alice, bob, 100, key="lunch")

    settle_until(consumer_start(), [first])

    assert second.id == first.id
    assert len(messages_of(due_topic())) == 1
    assert balance_of(bob) == 5_100


def test_a_consumer_takes_over_where_the_one_before_it_was_stopped(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    first = consumer_start()
    settle_until(first, submit_many(alice, bob, 10))
    first.close()
    wait_until(lambda: lag() == 0, what="its offsets are committed, although it has left")
    waiting = submit_many(alice, bob, 10)

    settle_until(consumer_start(), waiting)

    assert balance_of(bob) == 5_020
