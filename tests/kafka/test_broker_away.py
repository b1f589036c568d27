"""The broker is away, or dies under load, for real: accepting notices nothing, and settling goes on by polling."""

import statistics
import time
from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from tests.kafka.load import Load
from tests.kafka.sending import submit_many, unsettled
from tests.kafka.topics import lag
from tests.kafka.worker import Worker
from tests.kafka_broker import KafkaBroker
from tests.pages.kit import fresh
from tests.people import PASSWORD, balance_of, funded
from tests.settlement.books import assert_in_order, assert_settled, pending_count
from tests.settlement.waiting import wait_until
from transactions.audit import books_audit
from transactions.models import Transaction
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True), pytest.mark.long]

Start = Callable[..., Worker]
_LISTS, _LIST = 40, 25


@pytest.fixture
def broker(channel: KafkaBroker) -> Iterator[KafkaBroker]:
    """The broker, which is back when the test is over."""
    yield channel
    channel.start()


def test_a_thousand_transfers_are_accepted_as_fast_without_a_broker_and_settle_without_it(
    broker: KafkaBroker, alice: Wallet, bob: Wallet, worker_start: Start
) -> None:
    worker = worker_start()
    worker.wait_until_assigned()
    client = Client()
    assert client.login(username="alice", password=PASSWORD)
    assert alice.owner is not None
    fresh(client, alice.owner)
    with_broker_s = [accept_list(client, alice, bob) for _ in range(_LISTS)]
    broker.kill()

    without_s = [accept_list(client, alice, bob) for _ in range(_LISTS)]

    # A caller that waited for the broker would wait for as long as the producer tries, which is 20 s here.
    assert max(without_s) < 5.0
    assert statistics.median(without_s) < 2 * statistics.median(with_broker_s) + 0.05
    wait_until(lambda: pending_count() == 0, what="everything is settled, with the broker still away")
    assert not broker.server.is_running()
    accepted = list(Transaction.objects.filter(kind="transfer").order_by("id"))
    assert len(accepted) == 2 * _LISTS * _LIST
    assert_settled(accepted, posted=2 * _LISTS * _LIST)
    assert_in_order(alice, accepted)


def test_a_broker_that_is_killed_and_restarted_under_load_costs_no_transfer_and_no_refusal(
    broker: KafkaBroker, worker_start: Start
) -> None:
    wallets = [funded(name, 100_000) for name in ("ann", "ben", "cleo")]
    worker_start().wait_until_assigned()
    load = Load(wallets)
    load.start()
    wait_until(lambda: len(load.everything) > 200, what="transfers are accepted")

    broker.kill()
    before = len(load.everything)
    wait_until(lambda: len(load.everything) > before + 200, what="transfers are accepted without a broker")
    broker.start()
    before = len(load.everything)
    wait_until(lambda: len(load.everything) > before + 200, what="transfers are accepted once more")
    accepted = load.stop()

    wait_until(lambda: not unsettled(accepted), what="every accepted transfer has settled")
    assert_settled(accepted, posted=len(accepted))
    for wallet in wallets:
        assert_in_order(wallet, load.accepted[wallet.id])
    assert sum(map(balance_of, wallets)) == 300_000
    assert books_audit().clean


def test_a_consumer_that_starts_without_a_broker_settles_and_joins_the_group_when_it_is_there(
    broker: KafkaBroker, alice: Wallet, bob: Wallet, worker_start: Start
) -> None:
    broker.kill()
    worker = worker_start()
    accepted = submit_many(alice, bob, 20)
    wait_until(lambda: not unsettled(accepted), what="the consumer has settled without a broker")
    wait_until(lambda: "kafka_unreachable" in worker.log_text(), what="it says that there is no broker")

    broker.start()

    worker.wait_until_assigned()
    more = submit_many(alice, bob, 20)
    wait_until(lambda: not unsettled(more) and lag() == 0, what="the consumer has read the messages")
    worker.stop()
    assert_settled(accepted + more, posted=40)


def accept_list(client: Client, source: Wallet, destination: Wallet) -> float:
    """Has a list of transfers accepted over HTTP. Returns how long that took, in seconds."""
    item = {"source": str(source.id), "destination": str(destination.id), "amount": 1}
    started_s = time.monotonic()
    answer = client.post("/api/v2/transfers/bulk", {"transfers": [item] * _LIST}, "application/json")
    took_s = time.monotonic() - started_s
    assert answer.status_code == 202
    assert not any(result["error"] for result in answer.json()["results"])
    return took_s
