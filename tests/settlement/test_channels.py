"""What the channels promise to their caller: they never raise, and never undo what was accepted."""

from typing import Any

import pytest
from pytest_django import Settings

from tests.settlement.books import pending_count
from transactions.channels import CHANNELS, channel
from transactions.channels.celery.channel import CeleryChannel
from transactions.channels.celery.wake import workers_wake
from transactions.channels.kafka.channel import KafkaChannel
from transactions.recipients import TransferRequest
from transactions.services import transfer_submit
from transactions.tasks import partition_drain_task
from wallets.models import User, Wallet

pytestmark = pytest.mark.django_db(transaction=True)


def submit(alice: User, source: Wallet) -> None:
    transfer_submit(actor=alice, request=TransferRequest(source_id=source.id, recipient="bob", amount=1))


@pytest.mark.parametrize("error", [ValueError("an unreadable broker URL"), OSError("gone"), RuntimeError("a bug")])
def test_a_transfer_is_accepted_whatever_is_wrong_with_the_wake_up(
    alice: User, bob: User, alice_wallet: Wallet, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("celery.current_app.send_task", broken)

    submit(alice, alice_wallet)

    assert pending_count() == 1


@pytest.mark.parametrize(
    ("name", "kind"), [("celery", CeleryChannel), ("postgres", CeleryChannel), ("kafka", KafkaChannel)]
)
def test_the_setting_alone_chooses_the_channel(settings: Settings, name: str, kind: type) -> None:
    settings.TRANSFER_CHANNEL = name

    assert isinstance(channel(), kind)
    assert set(CHANNELS) == {"celery", "postgres", "kafka"}


def test_workers_do_not_settle_while_another_channel_does(
    alice: User, bob: User, alice_wallet: Wallet, settings: Settings
) -> None:
    submit(alice, alice_wallet)
    settings.TRANSFER_CHANNEL = "kafka"

    for partition in range(16):
        partition_drain_task(partition)
    assert pending_count() == 1

    settings.TRANSFER_CHANNEL = "celery"
    for partition in range(16):
        partition_drain_task(partition)
    assert pending_count() == 0


def test_waking_workers_of_no_partition_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda *args, **_: sent.append(args))

    workers_wake([])

    assert sent == []
