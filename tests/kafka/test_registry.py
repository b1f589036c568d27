"""What is known of a transfer before Postgres knows it, and what a wiped or missing Redis does to that."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from django_redis import get_redis_connection
from pytest_django import Settings

from devtools.folder_lock import folder_locked
from kit.cache import link
from tests.conftest import PASSWORD
from tests.kafka.people import settle_until, submit, submit_many
from tests.kafka_broker import KafkaBroker
from tests.settlement.books import assert_settled, outcomes
from tests.settlement.people import balance_of, person_wallet
from tests.settlement.waiting import wait_until
from tests.throttling.own_redis import OwnRedis, redis_use
from transactions.audit import books_audit
from transactions.channels.kafka import gaps
from transactions.channels.kafka.consumer import TransferConsumer
from transactions.channels.kafka.registry import transfer_record
from transactions.models import RegistryGap, Status, Transaction
from transactions.reads import request_list, transaction_read, unmoved_read
from wallet_project.embedded import Places
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet
from wallets.node_leases import snowflake_next
from wallets.selectors import wallet_head_get

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

Start = Callable[[], TransferConsumer]


@pytest.fixture
def alice(channel: KafkaBroker) -> Wallet:
    return person_wallet("alice", 1_000)


@pytest.fixture
def bob(channel: KafkaBroker) -> Wallet:
    return person_wallet("bob")


@pytest.fixture
def own_redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnRedis]:
    """A Redis of the test's own, on whose absence nobody has stumbled yet."""
    monkeypatch.setattr(gaps, "_noted_until", None)
    with tempfile.TemporaryDirectory(prefix="wallet-tests-", ignore_cleanup_errors=True) as root:
        places = Places(Path(root))
        with folder_locked(places.lock):
            redis = OwnRedis(places)
            redis.start()
            redis_use(redis.url, settings)
            yield redis
            redis.stop()
            link.breaker.succeeded()


def test_after_a_wipe_a_transfer_on_its_way_is_never_said_not_to_exist(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    client = Client()
    assert client.login(username="alice", password=PASSWORD)
    accepted = submit_many(alice, bob, 20)
    wipe()

    for path in (f"/api/v2/transfers/{accepted[0].id}", "/api/v1/transactions?idempotency_key=lunch"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) >= 1

    settle_until(consumer_start(), accepted)
    assert client.get(f"/api/v2/transfers/{accepted[0].id}").json()["status"] == "posted"
    assert_settled(accepted, posted=20)
    assert books_audit().clean


def test_when_everything_has_settled_after_a_wipe_it_is_known_again_what_does_not_exist(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    unknown = snowflake_next()
    accepted = submit(alice, bob)
    wipe()
    assert read_error(owner_of(alice), unknown) == ErrorCode.UNAVAILABLE
    consumer = consumer_start()
    settle_until(consumer, [accepted])
    consumer.turn()

    wait_until(lambda: read_error(owner_of(alice), unknown) == ErrorCode.NOT_FOUND, what="all of it has settled")
    assert request_list(user=owner_of(alice), idempotency_key="lunch") == []

    # And stays so, whatever is on its way.
    submit(alice, bob)
    assert read_error(owner_of(alice), unknown) == ErrorCode.NOT_FOUND


def test_one_that_waits_for_longer_than_it_is_known_here_is_never_said_not_to_exist(
    alice: Wallet, bob: Wallet, consumer_start: Start, settings: Settings
) -> None:
    settings.KAFKA_RETENTION_S = 1
    whole(owner_of(alice))
    accepted = submit(alice, bob, 100, key="rent")
    wait_until(lambda: not get_redis_connection().keys("*kafka:transfer*"), what="the registry has forgotten it")

    wait_until(lambda: read_error(owner_of(alice), accepted.id) == ErrorCode.UNAVAILABLE, what="it is old")
    with pytest.raises(WalletError) as raised:
        request_list(user=owner_of(alice), idempotency_key="rent")
    assert raised.value.code == ErrorCode.UNAVAILABLE

    consumer = consumer_start()
    settle_until(consumer, [accepted])
    consumer.turn()
    whole(owner_of(alice))
    assert transaction_read(user=owner_of(alice), transaction_id=accepted.id).status == Status.POSTED
    assert [found.id for found in request_list(user=owner_of(alice), idempotency_key="rent")] == [accepted.id]
    assert request_list(user=owner_of(alice), idempotency_key="lunch") == []


@pytest.mark.parametrize("id_", [2**63 - 1, 2**70], ids=["of 2095", "of no time"])
def test_an_id_of_a_time_to_come_does_not_exist_whatever_was_wiped(alice: Wallet, bob: Wallet, id_: int) -> None:
    submit(alice, bob)
    wipe()

    assert read_error(owner_of(alice), id_) == ErrorCode.NOT_FOUND


def test_a_key_that_a_wipe_made_forgotten_moves_the_money_once_and_both_transfers_have_an_end(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    first = submit(alice, bob, 100, key="rent")
    wipe()
    second = submit(alice, bob, 100, key="rent")
    assert first.id != second.id

    settle_until(consumer_start(), [first, second])

    assert outcomes([first, second]) == [("posted", ""), ("failed", "idempotency_key_reused")]
    assert [found.id for found in request_list(user=owner_of(alice), idempotency_key="rent")] == [first.id]
    assert balance_of(bob) == 100
    assert_settled([first, second], posted=1)
    assert books_audit().clean


def test_nothing_is_pending_after_it_was_seen_posted_although_its_consumer_died_before_it_could_say_so(
    alice: Wallet, bob: Wallet, consumer_start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.channels.kafka.consumer.transfers_settled", lambda commands: None)
    accepted = submit(alice, bob, key="lunch")
    settle_until(consumer_start(), [accepted])

    assert transaction_read(user=owner_of(alice), transaction_id=accepted.id).status == Status.POSTED
    assert unmoved_read(wallet_id=alice.id).pending == []
    (found,) = request_list(user=owner_of(alice), idempotency_key="lunch")
    assert found.status == Status.POSTED


def test_with_the_cache_in_use_nobody_sees_an_older_state_either(
    alice: Wallet, bob: Wallet, consumer_start: Start, trusted_cache: None
) -> None:
    accepted, failing = submit(alice, bob, 600), submit(alice, bob, 600)
    consumer = consumer_start()
    for _ in range(3):
        assert transaction_read(user=owner_of(bob), transaction_id=accepted.id).status == Status.PENDING
        assert [data["id"] for data in unmoved_read(wallet_id=alice.id).pending] == [str(failing.id), str(accepted.id)]
        assert wallet_head_get(owner=owner_of(bob), wallet_id=bob.id).balance == 0

    settle_until(consumer, [accepted, failing])

    for _ in range(3):
        assert transaction_read(user=owner_of(bob), transaction_id=accepted.id).status == Status.POSTED
        assert transaction_read(user=owner_of(alice), transaction_id=failing.id).status == Status.FAILED
        unmoved = unmoved_read(wallet_id=alice.id)
        assert (unmoved.pending, [data["id"] for data in unmoved.failed]) == ([], [str(failing.id)])
        assert [wallet_head_get(owner=owner_of(w), wallet_id=w.id).balance for w in (alice, bob)] == [400, 600]


def test_a_reader_who_asked_postgres_a_moment_too_early_finds_the_transfer_settled(
    alice: Wallet, bob: Wallet, consumer_start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = submit(alice, bob)
    consumer = consumer_start()

    def settled_meanwhile(transaction_id: int) -> bytes | None:
        settle_until(consumer, [accepted])
        return transfer_record(transaction_id)

    monkeypatch.setattr("transactions.reads.transfer_record", settled_meanwhile)
    assert transaction_read(user=owner_of(alice), transaction_id=accepted.id).status == Status.POSTED


def test_without_redis_transfers_are_accepted_and_settled_and_nobody_is_told_that_they_do_not_exist(
    alice: Wallet, bob: Wallet, own_redis: OwnRedis, consumer_start: Start
) -> None:
    own_redis.stop()

    accepted = submit(alice, bob, 100, key="rent")

    assert read_error(owner_of(alice), accepted.id) == ErrorCode.UNAVAILABLE
    assert unmoved_read(wallet_id=alice.id).pending == []
    settle_until(consumer_start(), [accepted])
    assert transaction_read(user=owner_of(alice), transaction_id=accepted.id).status == Status.POSTED
    assert submit(alice, bob, 100, key="rent").id == accepted.id
    assert balance_of(bob) == 100


def test_what_was_accepted_while_redis_did_not_answer_is_on_record_as_a_gap(
    alice: Wallet, bob: Wallet, own_redis: OwnRedis, consumer_start: Start
) -> None:
    whole(owner_of(alice))
    own_redis.freeze()
    accepted = submit(alice, bob)
    own_redis.unfreeze()
    link.breaker.succeeded()

    assert RegistryGap.objects.count() == 1
    assert read_error(owner_of(alice), accepted.id) == ErrorCode.UNAVAILABLE
    settle_until(consumer_start(), [accepted])
    assert transaction_read(user=owner_of(alice), transaction_id=accepted.id).status == Status.POSTED


def whole(user: User) -> None:
    """The registry has nothing to forget yet, and finds that out. A broker that has just started may have to be asked
    more than once."""
    unknown = snowflake_next()
    wait_until(lambda: read_error(user, unknown) == ErrorCode.NOT_FOUND, what="it is known what does not exist")


def wipe() -> None:
    get_redis_connection().flushall()
    cache.clear()


def owner_of(wallet: Wallet) -> User:
    assert wallet.owner is not None
    return wallet.owner


def read_error(user: User, transaction_id: int) -> ErrorCode | None:
    try:
        transaction_read(user=user, transaction_id=transaction_id)
    except WalletError as error:
        return error.code
    return None


def test_every_accepted_transfer_of_a_wiped_and_repeated_crowd_is_terminal(
    alice: Wallet, bob: Wallet, consumer_start: Start
) -> None:
    accepted = []
    for _ in range(3):
        accepted += [submit(alice, bob, 10, key=f"bill-{number}") for number in range(5)]
        wipe()

    settle_until(consumer_start(), accepted)

    assert len({transfer.id for transfer in accepted}) == 15
    assert balance_of(bob) == 50
    assert Transaction.objects.filter(idempotency_key__startswith="bill-").count() == 5
    assert_settled(accepted, posted=5)
