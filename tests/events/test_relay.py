"""The relay publishes every event, and each wallet's events in order."""

import random
from collections.abc import Callable, Sequence

import pytest
from pytest_django import Settings

from tests.events.outboxes import outbox
from tests.events.relays import outbox_await_empty, outbox_drain, relay_running
from tests.events.stream import Reader, stream_read_events
from tests.kafka.sending import settle_until, submit, submit_many
from tests.kafka_broker import KafkaBroker
from tests.people import crowd_wallets, funded
from tests.settlement.threads import in_threads
from tests.settlement.transfers import accept, drain_all, transfer
from tests.settlement.waiting import wait_until
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.events import relay
from transactions.events.outbox import Event, events_delete
from transactions.ledger.post import post
from transactions.models import Entry, Status, Transaction
from transactions.settlement.accept import Request
from wallets.models import Wallet

pytestmark = pytest.mark.kafka

_LISTS, _LIST = 12, 40


def sent(chance: random.Random, wallets: Sequence[Wallet], amount: int = 1) -> Request:
    source, destination = chance.sample(wallets, 2)
    return transfer(source, destination, amount)


def test_each_wallets_events_are_complete_and_in_order_under_concurrent_writes(
    events_on: None, kafka: KafkaBroker
) -> None:
    wallets = crowd_wallets(24, 60)
    chances = iter(range(100))

    def write() -> None:
        chance = random.Random(next(chances))
        for number in range(_LISTS):
            requests = [sent(chance, wallets, chance.randint(1, 30)) for _ in range(_LIST)]
            if number % 2:
                post([request.command for request in requests])
            else:
                accept(requests)
                drain_all()

    with relay_running():
        in_threads(write, count=3)
        drain_all()
        outbox_await_empty()

    told = Entry.objects.filter(sequence__isnull=False).count()
    failed = Transaction.objects.filter(status=Status.FAILED).count()
    reader = stream_read_events(told + failed)
    assert failed > 50
    assert len(reader.received) == told + failed, "no fault, so no duplicates"
    assert len({partition for _, partition in reader.keys}) > 1
    assert len(reader.keys) == len(reader.known), "a wallet has one partition"
    assert_stream_matches_books(reader, wallets)


def assert_stream_matches_books(reader: Reader, wallets: Sequence[Wallet]) -> None:
    """Asserts that the published events of each wallet match the books."""
    for wallet in wallets:
        entries = Entry.objects.filter(wallet=wallet).order_by("sequence")
        in_books = [(e.sequence, e.amount, e.balance_after, str(e.transaction_id)) for e in entries]
        events = reader.known.get(str(wallet.id), [])
        assert [
            (*(event["entry"][name] for name in ("sequence", "amount", "balance_after")), event["transaction"]["id"])
            for event in events
            if event["entry"]
        ] == in_books
        failed = Transaction.objects.filter(source=wallet, status=Status.FAILED)
        assert {event["transaction"]["id"] for event in events if not event["entry"]} == {
            str(id_) for id_ in failed.values_list("id", flat=True)
        }
        settled = [event["transaction"]["settled_at"] for event in events]
        assert settled == sorted(settled)


def test_a_long_outbox_is_published_in_batches(
    events_on: None, kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def delete_counted(events: Sequence[Event]) -> None:
        sizes.append(len(events))
        events_delete(events)

    monkeypatch.setattr(relay, "events_delete", delete_counted)
    monkeypatch.setattr(relay, "BATCH", 50)
    wallets = crowd_wallets(101, 10)
    post([transfer(wallets[0], other, 1).command for other in wallets[1:]])

    outbox_drain()

    assert sum(sizes) == 101 + 2 * 10
    assert sizes == [50, 50, 21]
    assert_stream_matches_books(stream_read_events(121), wallets)


def test_no_event_is_lost_if_the_broker_is_killed_under_load(
    events_on: None, kafka: KafkaBroker, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    # The relay gives a batch up after a third of this time, and tries again.
    settings.DATABASE_TRANSACTION_TIMEOUT_MS = 9_000
    wallets = crowd_wallets(10, 10_000)
    chance = random.Random(5)

    def write(lists: int) -> None:
        for _ in range(lists):
            post([sent(chance, wallets).command for _ in range(100)])

    with relay_running():
        write(5)
        kafka.kill()
        write(5)
        wait_until(lambda: "settled_events_stuck" in caplog.text, what="the relay notices")
        assert len(outbox()) >= 2 * 500, "events wait in the outbox meanwhile"
        kafka.start()
        write(5)
        outbox_await_empty()
        wait_until(lambda: "settled_events_unstuck" in caplog.text, what="the relay is relieved")

    assert_stream_matches_books(stream_read_events(10 + 2 * 1_500), wallets)


def test_transfers_that_kafka_settled_have_their_events(
    channel: KafkaBroker, events_on: None, consumer_start: Callable[[], TransferConsumer]
) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accepted = [*submit_many(alice, bob, 20), submit(alice, bob, 5_000)]
    settle_until(consumer_start(), accepted)

    outbox_drain()

    reader = stream_read_events(1 + 2 * 20 + 1)
    assert_stream_matches_books(reader, [alice, bob])
    told = {event["transaction"]["id"] for event in reader.received}
    assert told >= {str(transfer.id) for transfer in accepted}
