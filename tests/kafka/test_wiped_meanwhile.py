"""Redis is wiped at the worst moments: nobody is told that a transfer does not exist which is still on its way."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django_redis import get_redis_connection

from tests.kafka.people import settle_until, submit
from tests.kafka_broker import KafkaBroker
from tests.settlement.people import person_wallet
from tests.settlement.poison import wallet_spoiled
from tests.settlement.waiting import wait_until
from transactions.channels.kafka import faults, lag, whole
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.registry import transfer_record
from transactions.models import Transaction
from wallets.domain.errors import ErrorCode, WalletError
from wallets.node_leases import snowflake_next

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def test_what_a_second_wipe_made_forgotten_is_not_said_not_to_exist(
    channel: KafkaBroker, consumer_start: Callable[[], TransferConsumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    unknown = snowflake_next()
    accepted = submit(alice, bob)
    get_redis_connection().flushall()
    assert asked(unknown) == ErrorCode.UNAVAILABLE
    consumer = consumer_start()
    settle_until(consumer, [accepted])
    consumer.turn()
    forgotten: list[Transaction] = []

    def wiped_meanwhile(since: datetime) -> datetime | None:
        settled = lag.settled_until(since)
        # Accepted after they looked; forgotten, and asked for by another process, before they have said what they saw.
        forgotten.append(submit(alice, bob))
        get_redis_connection().flushall()
        whole.whole_since()
        return settled

    with monkeypatch.context() as patch:
        patch.setattr(whole, "settled_until", wiped_meanwhile)
        assert asked(unknown) is None

    assert asked(forgotten[0].id) == ErrorCode.UNAVAILABLE


def test_what_waits_for_its_next_try_is_not_said_not_to_exist(
    channel: KafkaBroker, consumer_start: Callable[[], TransferConsumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no longer among what was requested, and not in Postgres yet."""
    monkeypatch.setattr(faults, "retry_delay", lambda _: timedelta(minutes=10))
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    consumer = consumer_start()
    with wallet_spoiled(alice):
        accepted = submit(alice, bob)

        def put_off() -> bool:
            return consumer.turn() > 0

        wait_until(put_off, what="the transfer is put off")
    get_redis_connection().flushall()

    assert asked(accepted.id) == ErrorCode.UNAVAILABLE


def test_a_redis_that_came_back_from_an_older_snapshot_may_have_forgotten_what_came_last(
    channel: KafkaBroker,
) -> None:
    alice, bob = person_wallet("alice", 1_000), person_wallet("bob")
    accepted = submit(alice, bob)
    whole.whole_since()
    redis = get_redis_connection()
    redis.hset("wallet:kafka:state", "since_ms", 0)

    redis.delete(f"wallet:kafka:transfer:{accepted.id}")
    redis.hset("wallet:kafka:state", "run", "the server before this one")

    assert asked(accepted.id) == ErrorCode.UNAVAILABLE


def asked(transaction_id: int) -> ErrorCode | None:
    try:
        assert transfer_record(transaction_id) == b""
    except WalletError as error:
        return error.code
    return None
