"""Messages are dropped, doubled, shuffled, delayed and forged: each wallet's transfers still settle once, in order."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.kafka.sending import submit_list, unsettled
from tests.kafka.topics import messages_of, publish_raw
from tests.kafka_broker import KafkaBroker
from tests.people import balance_of, crowd_wallets
from tests.settlement.books import assert_in_order, assert_settled, outcomes
from transactions.audit import books_audit
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.messages import Incoming, look_message, look_read
from transactions.channels.kafka.producer import producers_flush
from transactions.channels.kafka.topics import due_topic, retry_topic, topics_make
from transactions.models import Transaction
from transactions.settlement.poll import overdue_settle
from wallets.models import Wallet

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True), pytest.mark.long]

_SENDERS, _RECEIVERS, _LISTS, _TIMEOUT_S = 6, 3, 15, 60.0
_BALANCE = 100


@dataclass
class Model:
    """Senders as plain numbers. Nobody sends to a sender, so the order of acceptance decides what becomes of each."""

    left: dict[int, int] = field(default_factory=lambda: defaultdict(lambda: _BALANCE))
    received: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    expected: dict[int, tuple[str, str]] = field(default_factory=dict)

    def accept(self, transfer: Transaction) -> None:
        assert transfer.source_id is not None
        assert transfer.destination_id is not None
        if self.left[transfer.source_id] < transfer.amount:
            self.expected[transfer.id] = ("failed", "insufficient_funds")
            return
        self.left[transfer.source_id] -= transfer.amount
        self.received[transfer.destination_id] += transfer.amount
        self.expected[transfer.id] = ("posted", "")


@pytest.mark.parametrize("seed", range(6))
def test_whatever_becomes_of_the_messages_the_outcome_is_that_of_the_order_of_acceptance(
    channel: KafkaBroker, settings: Settings, consumer_start: Callable[[], TransferConsumer], seed: int
) -> None:
    dice, model = random.Random(seed), Model()
    wallets = crowd_wallets(_SENDERS + _RECEIVERS, _BALANCE)
    senders, receivers = wallets[:_SENDERS], wallets[_SENDERS:]
    accepted: dict[int, list[Transaction]] = {sender.id: [] for sender in senders}
    consumers = [consumer_start(), consumer_start()]
    for _ in range(_LISTS):
        sender = dice.choice(senders)
        wanted = [(dice.choice(receivers), dice.randint(1, 30)) for _ in range(dice.randint(1, 6))]
        with intercepted(settings) as messages:
            accepted[sender.id] += submit_list(sender, wanted)
        tamper(messages, dice, wallets)
        for _ in range(dice.randrange(3)):
            dice.choice(consumers).turn()

    everything = [transfer for transfers in accepted.values() for transfer in transfers]
    looks: list[Callable[[], object]] = [overdue_settle, *(consumer.turn for consumer in consumers)]
    deadline = time.monotonic() + _TIMEOUT_S
    while unsettled(everything):
        assert time.monotonic() < deadline
        dice.choice(looks)()

    for sender in senders:
        for transfer in accepted[sender.id]:
            model.accept(transfer)
        assert_in_order(sender, accepted[sender.id])
        assert balance_of(sender) == model.left[sender.id]
    assert {t.id: outcome for t, outcome in zip(everything, outcomes(everything), strict=True)} == model.expected
    assert [balance_of(receiver) - _BALANCE for receiver in receivers] == [model.received[r.id] for r in receivers]
    assert_settled(everything)
    assert books_audit().clean


def test_forged_messages_alone_move_nothing(
    channel: KafkaBroker, consumer_start: Callable[[], TransferConsumer]
) -> None:
    wallets = crowd_wallets(3, _BALANCE)
    for value in forgeries(random.Random(1), wallets):
        publish_raw(due_topic(), value, key=str(wallets[0].id).encode())
        publish_raw(retry_topic(), value, key=str(wallets[0].id).encode())
    consumer = consumer_start()
    for _ in range(12):
        assert consumer.turn() == 0

    assert [balance_of(wallet) for wallet in wallets] == [_BALANCE] * 3
    assert not Transaction.objects.filter(kind="transfer").exists()


@contextmanager
def intercepted(settings: Settings) -> Iterator[list[Incoming]]:
    """What is sent meanwhile goes to other topics, where the adversary reads it, and no consumer does."""
    prefix, messages = settings.KAFKA_TOPIC_PREFIX, list[Incoming]()
    settings.KAFKA_TOPIC_PREFIX = f"{prefix}-intercepted"
    topics_make()
    known = {message.origin for message in messages_of(due_topic())}
    yield messages
    producers_flush(_TIMEOUT_S)
    messages += [message for message in messages_of(due_topic()) if message.origin not in known]
    settings.KAFKA_TOPIC_PREFIX = prefix


def tamper(messages: list[Incoming], dice: random.Random, wallets: list[Wallet]) -> None:
    """Drops a third of the messages; the others are doubled, delayed, sent astray and mixed with forgeries."""
    written: list[tuple[bytes | None, bytes | None]] = []
    for message in messages:
        for _ in range(dice.choice([0, 1, 2])):
            source_id, delay = look_read(message).source_id, timedelta(seconds=dice.uniform(-5, 0.5))
            delayed = look_message(source_id, topic=retry_topic(), not_before=timezone.now() + delay).value
            key = dice.choice([message.key, None, b"somebody else"])
            written.append((key, dice.choice([message.value, delayed])))
    written += [(None, value) for value in dice.sample(forgeries(dice, wallets), 2)]
    dice.shuffle(written)
    for key, value in written:
        publish_raw(dice.choice([due_topic(), retry_topic()]), value, key=key)


def forgeries(dice: random.Random, wallets: list[Wallet]) -> list[bytes | None]:
    """Messages of people who would like to move money."""
    source, destination = (str(wallet.id) for wallet in dice.sample(wallets, 2))
    return [
        f'{{"schema": 1, "source": "{source}"}}'.encode(),
        f'{{"schema": 1, "source": "{source}", "not_before_ms": 99999999999999}}'.encode(),
        f'{{"schema": 1, "source": "{source}", "destination": "{destination}", "amount": 99}}'.encode(),
        f'{{"schema": 1, "id": "4711", "kind": "transfer", "amount": 99, "source": "{source}", "destination": '
        f'"{destination}", "initiator": "1", "memo": "", "idempotency_key": null}}'.encode(),
        b'{"schema": 1, "source": "9223372036854775807"}',
        f'{{"schema": 2, "source": "{source}"}}'.encode(),
        dice.randbytes(50),
        None,
    ]
