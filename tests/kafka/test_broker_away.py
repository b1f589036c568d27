"""The broker is away, or dies under load, for real: nothing is half accepted, and what was accepted is settled once."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from django.test import Client
from pytest_django import Settings

from devtools.broker import ports_free
from tests.conftest import PASSWORD
from tests.kafka.conftest import PATIENCE_MS
from tests.kafka.people import request, settle_until, submit, unsettled
from tests.kafka.topics import messages_of
from tests.kafka.worker import Worker
from tests.kafka_broker import KafkaBroker
from tests.settlement.books import assert_books_clean, assert_settled
from tests.settlement.people import balance_of, person_wallet
from tests.settlement.waiting import wait_until
from transactions.audit import books_audit
from transactions.channels.kafka import producer
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.messages import Outgoing
from transactions.channels.kafka.producer import lines_close, messages_publish
from transactions.channels.kafka.topics import requested_topic
from transactions.models import Transaction
from transactions.reads import unposted_read
from transactions.services import transfers_submit
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

Start = Callable[[], TransferConsumer]


@pytest.fixture
def impatient(channel: KafkaBroker, settings: Settings) -> Iterator[KafkaBroker]:
    """Producers that do not wait for long."""
    lines_close()
    settings.KAFKA_DELIVERY_TIMEOUT_MS = 1_000
    yield channel
    channel.start()
    lines_close()


def test_without_a_broker_the_answer_is_503_and_nothing_was_accepted(
    impatient: KafkaBroker, consumer_start: Start, settings: Settings
) -> None:
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    client = Client()
    assert client.login(username="alice", password=PASSWORD)
    body = {"source": str(alice.id), "destination": str(bob.id), "amount": 5}
    settings.KAFKA_BOOTSTRAP_SERVERS = f"127.0.0.1:{ports_free(1)[0]}"

    for told in ("It is not known", "Transfers cannot be accepted"):
        refused = client.post("/api/v2/transfers", body, "application/json", headers={"Idempotency-Key": "lunch"})
        assert refused.status_code == 503
        assert refused.json()["code"] == "unavailable"
        # Of what was never sent more is known than of what was not acknowledged.
        assert refused.json()["detail"].startswith(told)
        assert int(refused.headers["Retry-After"]) >= 1
    assert unposted_read(wallet_id=alice.id).pending == []
    under_way = client.get("/api/v1/transactions", {"idempotency_key": "lunch"})
    assert (under_way.status_code, under_way.json()["code"]) == (409, "idempotency_in_progress")

    settings.KAFKA_BOOTSTRAP_SERVERS = impatient.bootstrap
    settings.KAFKA_DELIVERY_TIMEOUT_MS = PATIENCE_MS
    producer.breaker.succeeded()
    accepted = client.post("/api/v2/transfers", body, "application/json", headers={"Idempotency-Key": "lunch"})
    assert accepted.status_code == 202
    settle_until(consumer_start(), [Transaction(id=int(accepted.json()["id"]))])
    assert balance_of(bob) == 5
    assert not Transaction.objects.filter(status="pending").exists()
    assert_books_clean()


def test_what_the_producer_has_no_room_for_is_not_taken_for_acknowledged(
    impatient: KafkaBroker, settings: Settings
) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = f"127.0.0.1:{ports_free(1)[0]}"
    settings.KAFKA_CLIENT_OPTIONS = {"queue.buffering.max.messages": "2"}

    messages = [Outgoing(topic=requested_topic(), key=b"1", value=b"{}")] * 5

    assert messages_publish(messages) == [False] * 5


def test_a_message_that_arrives_although_it_was_given_up_pays_once(
    channel: KafkaBroker, consumer_start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")

    def unheard(messages: list[Outgoing]) -> list[bool]:
        return [not arrived for arrived in messages_publish(messages)]

    with monkeypatch.context() as patch:
        patch.setattr("transactions.channels.kafka.accept.messages_publish", unheard)
        with pytest.raises(WalletError) as refused:
            submit(alice, bob, 100, key="rent")
    assert refused.value.code == ErrorCode.UNAVAILABLE

    again = submit(alice, bob, 100, key="rent")

    assert len(messages_of(requested_topic())) == 2
    consumer = consumer_start()
    settle_until(consumer, [again])
    consumer.turn()
    assert balance_of(bob) == 100
    assert_settled([again], posted=1)


def test_a_broker_that_is_killed_and_restarted_under_load_loses_nothing(
    impatient: KafkaBroker, worker_start: Callable[..., Worker]
) -> None:
    wallets = [person_wallet(name, 100_000) for name in ("alice", "bob", "charlie")]
    worker_start().wait_until_assigned()
    load = Load(wallets)
    load.start()
    wait_until(lambda: len(load.accepted) > 100, what="transfers are accepted")

    impatient.kill()
    wait_until(lambda: load.refused > 3, what="the site has noticed that the broker is away")
    impatient.start()
    before = len(load.accepted)
    wait_until(lambda: len(load.accepted) > before + 100, what="transfers are accepted once more")
    load.stop()

    wait_until(lambda: not unsettled(load.accepted), what="every accepted transfer has settled")
    assert_settled(load.accepted)
    assert sum(map(balance_of, wallets)) == 300_000
    assert books_audit().clean


class Load:
    """People who send money round and round, as fast as they are answered."""

    def __init__(self, wallets: list[Wallet]) -> None:
        self.accepted: list[Transaction] = []
        self.refused = 0
        self._wallets = wallets
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=[number]) for number in range(len(wallets))]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _send(self, number: int) -> None:
        source, destination = self._wallets[number], self._wallets[(number + 1) % len(self._wallets)]
        assert source.owner
        wanted = [request(source, destination)] * 20
        try:
            while not self._over.is_set():
                try:
                    answers = transfers_submit(actor=source.owner, requests=wanted)
                except WalletError as error:
                    answers = [error]
                self.accepted += [a.transaction for a in answers if not isinstance(a, WalletError)]
                refused = [a for a in answers if isinstance(a, WalletError)]
                self.refused += len(refused)
                if refused:
                    # As a client would that was told to come again.
                    self._over.wait(0.1)
        finally:
            connections.close_all()
