"""If a relay dies or hangs, another takes over: events may be duplicated, but none is missing or out of order."""

from collections.abc import Callable

import pytest

from tests.events.outboxes import outbox
from tests.events.relays import RelayProcess, outbox_await_empty
from tests.events.stream import stream_read_events
from tests.kafka_broker import KafkaBroker
from tests.people import crowd_wallets
from tests.settlement.locks import backends, outside_connection
from tests.settlement.transfers import transfer
from tests.settlement.waiting import wait_until
from transactions.ledger.post import post
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.long]
Start = Callable[..., RelayProcess]


@pytest.fixture
def wallets(events_on: None) -> list[Wallet]:
    """Four wallets with a deposit each, and ten transfers from the first to the others: 24 events."""
    wallets = crowd_wallets(4, 100)
    post([transfer(wallets[0], wallets[1 + n % 3]).command for n in range(10)])
    return wallets


def assert_each_once_and_in_order(wallets: list[Wallet], *, transfers: int = 10) -> int:
    """Asserts it for a consumer that drops duplicates. Returns the number of duplicates."""
    reader = stream_read_events(4 + 2 * transfers)
    assert reader.sequences(wallets[0].id) == list(range(1, transfers + 2))
    for wallet in wallets[1:]:
        told = reader.sequences(wallet.id)
        assert told == list(range(1, len(told) + 1))
    return len(reader.received) - reader.count


def test_a_second_relay_stands_by_and_takes_over_when_the_first_is_killed_after_the_acknowledgement(
    wallets: list[Wallet], relay_start: Start
) -> None:
    first = relay_start(stop_at="published")
    first.wait_until_there()
    second = relay_start()
    second.wait_until_it_has_looked()
    assert len(outbox()) == 24, "the second relay leaves the outbox to the first"
    post([transfer(wallets[0], wallets[1]).command])

    first.kill()
    outbox_await_empty()

    assert assert_each_once_and_in_order(wallets, transfers=11) == 24


def test_a_relay_that_hangs_before_its_commit_loses_its_lock(wallets: list[Wallet], relay_start: Start) -> None:
    hanging = relay_start(stop_at="deleted", DATABASE_TRANSACTION_TIMEOUT_MS="4000")
    hanging.wait_until_there()

    relay_start()
    outbox_await_empty()

    assert hanging.process.poll() is None
    assert assert_each_once_and_in_order(wallets) == 24


def test_a_relay_whose_connection_is_cut_opens_another_and_stops_on_sigterm(
    wallets: list[Wallet], relay_start: Start
) -> None:
    relay = relay_start()
    outbox_await_empty()
    with outside_connection() as operator:
        cut = backends(application=relay.application)
        operator.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [cut])

    post([transfer(wallets[0], wallets[1]).command])
    outbox_await_empty()

    assert backends(application=relay.application) != cut
    assert relay.alive.exists()
    assert relay.terminate() == 0, relay.log_text()
    assert assert_each_once_and_in_order(wallets, transfers=11) == 0, "no duplicates"


def test_a_relay_that_cannot_reach_kafka_stops_on_sigterm(
    wallets: list[Wallet], relay_start: Start, kafka: KafkaBroker
) -> None:
    relay = relay_start(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9")
    wait_until(lambda: bool(backends(application=relay.application)), what="the relay is at work")

    assert relay.terminate() == 0, relay.log_text()

    assert len(outbox()) == 24
