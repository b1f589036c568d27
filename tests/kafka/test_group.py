"""Consumers share the work; one joins, one dies, Postgres hangs up: each transfer settles once, in its turn."""

from collections.abc import Callable

import pytest

from tests.kafka.people import settle_until, submit_many, unsettled
from tests.kafka.topics import messages_of, publish_raw
from tests.kafka.worker import Worker
from tests.kafka_broker import KafkaBroker
from tests.settlement.books import assert_in_order, assert_settled
from tests.settlement.locks import backends, outside_connection
from tests.settlement.people import balance_of, person_wallet
from tests.settlement.threads import in_threads
from tests.settlement.waiting import wait_until
from tests.settlement.worker import APPLICATION
from transactions.audit import books_audit
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.settle import deliveries_settle
from transactions.channels.kafka.topics import dead_topic, requested_topic
from transactions.models import Entry, Transaction
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def test_three_consumers_one_joins_and_one_dies_in_the_middle_of_the_work(
    channel: KafkaBroker, worker_start: Callable[..., Worker]
) -> None:
    wallets = [person_wallet(f"person{number}", 10_000) for number in range(12)]
    workers = [worker_start(), worker_start()]
    for worker in workers:
        worker.wait_until_assigned()
    accepted: dict[int, list[Transaction]] = {wallet.id: [] for wallet in wallets}

    def send(rounds: int) -> None:
        for _ in range(rounds):
            for wallet, friend in zip(wallets, [*wallets[1:], wallets[0]], strict=True):
                accepted[wallet.id] += submit_many(wallet, friend, 20)

    send(2)
    joined = worker_start()
    send(2)
    joined.wait_until_assigned()
    connections_cut()
    send(1)
    workers[0].kill()
    send(2)

    everything = [transfer for transfers in accepted.values() for transfer in transfers]
    wait_until(lambda: not unsettled(everything), what="everything has settled")
    assert_settled(everything, posted=7 * 12 * 20)
    for wallet in wallets:
        assert balance_of(wallet) == 10_000
        assert_in_order(wallet, accepted[wallet.id])
    assert books_audit().clean
    for worker in (workers[1], joined):
        worker.stop()


def connections_cut() -> None:
    """Postgres throws the consumers out, as when it is restarted."""
    with outside_connection() as operator:
        for pid in backends(application=APPLICATION):
            operator.execute("SELECT pg_terminate_backend(%s)", [pid])


def test_messages_delivered_again_and_again_move_the_money_once(
    channel: KafkaBroker, consumer_start: Callable[[], TransferConsumer]
) -> None:
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    accepted = submit_many(alice, bob, 50) + submit_many(alice, bob, 1, amount=2_000)
    for _ in range(3):
        for message in messages_of(requested_topic())[:51]:
            publish_raw(requested_topic(), message.value, key=message.key)
    last = submit_many(alice, bob, 1)

    settle_until(consumer_start(), accepted + last)

    assert balance_of(bob) == 51
    assert Entry.objects.filter(wallet=bob).count() == 51
    assert not messages_of(dead_topic())
    assert_settled(accepted + last, posted=51)


def test_two_consumers_that_have_the_same_batch_at_once_settle_it_once(channel: KafkaBroker) -> None:
    """As after a rebalance that one of them has not noticed yet."""
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    accepted = submit_many(alice, bob, 200)
    batch = messages_of(requested_topic())

    settlements = in_threads(lambda: deliveries_settle(batch), count=3)

    assert sorted(s.posted for s in settlements) == [0, 0, 200]
    assert sum(s.replayed for s in settlements) == 400
    assert not any(s.faulty or s.refused for s in settlements)
    assert_settled(accepted, posted=200)
    assert_in_order(alice, accepted)


def test_a_consumer_takes_over_where_the_one_before_it_was_stopped(
    channel: KafkaBroker, consumer_start: Callable[[], TransferConsumer]
) -> None:
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    first = consumer_start()
    settle_until(first, submit_many(alice, bob, 10))
    first.close()
    waiting: list[Transaction] = submit_many(alice, bob, 10)
    second = consumer_start()

    settle_until(second, waiting)

    assert balance_of(Wallet.objects.get(id=bob.id)) == 20
    assert not messages_of(dead_topic())
