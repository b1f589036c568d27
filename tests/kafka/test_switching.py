"""Switching between Celery and Kafka while people send money, and what messages of the other channel do: nothing."""

from collections.abc import Callable

import pytest
from celery import current_app
from pytest_django import Settings

from tests.kafka.load import Load
from tests.kafka.sending import submit_many, unsettled
from tests.kafka.topics import messages_of
from tests.kafka.worker import Worker as Consumer
from tests.kafka_broker import KafkaBroker
from tests.people import balance_of, funded
from tests.settlement.books import assert_in_order, assert_settled, pending_count
from tests.settlement.broker import Broker
from tests.settlement.conftest import broker, places
from tests.settlement.conftest import worker_start as celery_start
from tests.settlement.waiting import wait_until
from tests.settlement.worker import Worker
from transactions.audit import books_audit
from transactions.channels.kafka.topics import due_topic
from wallets.models import Wallet

__all__ = ["broker", "celery_start", "places"]

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True), pytest.mark.long]

CeleryStart = Callable[..., Worker]
ConsumerStart = Callable[..., Consumer]


def test_from_celery_to_kafka_under_load(
    broker: Broker, channel: KafkaBroker, celery_start: CeleryStart, worker_start: ConsumerStart, settings: Settings
) -> None:
    settings.TRANSFER_CHANNEL = "celery"
    load = _load()
    worker = celery_start()
    load.start()
    wait_until(lambda: _settled(load) > 100, what="Celery settles")

    # As docs/kafka.md says: the consumers first, then the site, then the workers.
    consumer = worker_start()
    consumer.wait_until_assigned()
    settings.TRANSFER_CHANNEL = "kafka"
    _send_more(load)
    worker.stop()
    celery_start(TRANSFER_CHANNEL="kafka")
    _send_more(load)

    _assert_all_settled(load)
    assert messages_of(due_topic())


def test_from_kafka_to_celery_under_load(
    broker: Broker, channel: KafkaBroker, celery_start: CeleryStart, worker_start: ConsumerStart, settings: Settings
) -> None:
    load = _load()
    consumer = worker_start()
    load.start()
    wait_until(lambda: _settled(load) > 100, what="the consumer settles")

    celery_start()
    settings.TRANSFER_CHANNEL = "celery"
    _send_more(load)
    consumer.stop()
    _send_more(load)

    _assert_all_settled(load)


def test_celery_workers_leave_everything_to_kafka_whatever_messages_of_another_time_say(
    broker: Broker, channel: KafkaBroker, celery_start: CeleryStart, alice: Wallet, bob: Wallet, settings: Settings
) -> None:
    settings.TRANSFER_CHANNEL = "celery"
    accepted = submit_many(alice, bob, 20)
    (wake_up,) = broker.messages()
    # What the beat of an earlier release sent: a task that is not there any more.
    current_app.send_task("transactions.tasks.partitions_sweep_task")

    worker = celery_start(TRANSFER_CHANNEL="kafka")
    wait_until(lambda: not broker.messages() and not broker.unacknowledged(), what="the messages are taken")
    broker.deliver(wake_up)
    wait_until(lambda: not broker.messages() and not broker.unacknowledged(), what="it is taken once more")

    assert unsettled(accepted) == 20
    assert "partitions_sweep_task" in worker.log_text()
    assert worker.process.poll() is None


def _load() -> Load:
    return Load([funded(name, 100_000) for name in ("ann", "ben", "cleo")])


def _settled(load: Load) -> int:
    accepted = load.everything
    return len(accepted) - unsettled(accepted)


def _send_more(load: Load) -> None:
    before = len(load.everything)
    wait_until(lambda: len(load.everything) > before + 200, what="more is accepted")


def _assert_all_settled(load: Load) -> None:
    accepted = load.stop()
    wait_until(lambda: pending_count() == 0, what="everything is settled")
    assert_settled(accepted, posted=len(accepted))
    for wallet_id, transfers in load.accepted.items():
        wallet = Wallet.objects.get(id=wallet_id)
        assert_in_order(wallet, transfers)
    assert sum(balance_of(Wallet.objects.get(id=wallet_id)) for wallet_id in load.accepted) == 300_000
    assert books_audit().clean
