"""What waits for a lock, for how long, and what does not wait."""

import time
from collections.abc import Callable

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from tests.concurrency.crowd import Answer, at_once
from tests.concurrency.waiting import lock_timeout
from tests.people import balance_of, funded, person, wallet_of, wallet_of_id
from transactions.models import Kind, Status, Transaction
from transactions.recipients import TransferRequest
from transactions.services import deposit_create, transfer_create
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet


@pytest.fixture
def alice() -> Wallet:
    return funded("alice", 100)


@pytest.fixture
def owner(alice: Wallet) -> User:
    assert alice.owner
    return alice.owner


def hurried(call: Callable[[], object]) -> Answer[object]:
    """Makes the call in another thread, which waits at most 0.2 s for a lock. Returns its answer."""

    def run() -> object:
        with lock_timeout(200):
            return call()

    (answer,) = at_once([run])
    return answer


def lock(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_wallet_that_stays_locked_is_unavailable(alice: Wallet, owner: User, side: str) -> None:
    bob = wallet_of(person("bob"))
    locked = {"source": alice, "destination": bob}[side]
    with transaction.atomic():
        Wallet.objects.select_for_update().get(id=locked.id)
        answer = hurried(
            lambda: transfer_create(
                actor=owner, request=TransferRequest(source_id=alice.id, destination_id=bob.id, amount=10)
            )
        )
    assert isinstance(answer.error, WalletError)
    assert answer.error.code == ErrorCode.UNAVAILABLE
    assert answer.error.retry_after_s == 1
    assert (balance_of(alice), balance_of(bob)) == (100, 0)
    assert transfer_create(actor=owner, request=TransferRequest(source_id=alice.id, destination_id=bob.id, amount=10))


def test_every_connection_has_a_timeout_for_locks_and_statements() -> None:
    with connection.cursor() as cursor:
        for setting in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute("SELECT setting::int FROM pg_settings WHERE name = %s", [setting])
            assert 0 < cursor.fetchone()[0] <= 60_000


def test_a_deposit_does_not_wait_for_the_outside_wallet(alice: Wallet, owner: User) -> None:
    with transaction.atomic():
        lock("SELECT 1 FROM wallets_wallet WHERE id = 840 FOR UPDATE")
        answer = hurried(lambda: deposit_create(actor=owner, wallet_id=alice.id, amount=10))
    assert answer.code == "done"
    assert balance_of(alice) == 110


def test_other_wallets_do_not_wait_for_a_locked_wallet(alice: Wallet) -> None:
    bob = funded("bob", 100)
    assert bob.owner
    bobs_owner = bob.owner
    with transaction.atomic():
        Wallet.objects.select_for_update().get(id=alice.id)
        answer = hurried(lambda: deposit_create(actor=bobs_owner, wallet_id=bob.id, amount=10))
    assert answer.code == "done"


def test_a_reader_does_not_wait_for_a_posting(alice: Wallet, owner: User) -> None:
    with transaction.atomic():
        deposit_create(actor=owner, wallet_id=alice.id, amount=10)
        answer = hurried(lambda: wallet_of_id(alice.id).balance)
    assert answer.value == 100


def test_a_transaction_can_be_inserted_while_its_wallets_are_locked_by_a_posting(alice: Wallet, owner: User) -> None:
    """Its foreign keys share-lock the wallets. A posting locks them FOR NO KEY UPDATE, which permits that."""
    bob = wallet_of(person("bob"))

    def record() -> object:
        with transaction.atomic():
            return Transaction.objects.create(
                kind=Kind.TRANSFER,
                status=Status.FAILED,
                currency="USD",
                amount=1,
                source=alice,
                destination=bob,
                initiator=owner,
                created_at=timezone.now(),
                settled_at=timezone.now(),
                failure_code=ErrorCode.INSUFFICIENT_FUNDS,
            )

    with transaction.atomic():
        transfer_create(actor=owner, request=TransferRequest(source_id=alice.id, destination_id=bob.id, amount=10))
        answer = hurried(record)
    assert answer.code == "done"


def test_a_posting_does_not_wait_for_an_update_of_its_initiator(alice: Wallet, owner: User) -> None:
    with transaction.atomic():
        User.objects.filter(pk=owner.pk).update(first_name="Alice", last_login=owner.date_joined)
        answer = hurried(lambda: deposit_create(actor=owner, wallet_id=alice.id, amount=10))
    assert answer.code == "done"


def test_a_posting_whose_initiator_stays_locked_fails_and_changes_nothing(alice: Wallet, owner: User) -> None:
    """The foreign key of the initiator is checked at the commit. There is no error code for that; REST answers 503."""
    with transaction.atomic():
        lock(f"SELECT 1 FROM wallets_user WHERE id = {owner.pk} FOR UPDATE")
        answer = hurried(lambda: deposit_create(actor=owner, wallet_id=alice.id, amount=10))
    assert isinstance(answer.error, OperationalError)
    assert isinstance(answer.error.__cause__, LockNotAvailable)
    assert balance_of(alice) == 100
    assert Transaction.objects.count() == 1


def test_a_posting_waits_for_a_lock_within_the_timeout(alice: Wallet, owner: User) -> None:
    started = time.monotonic()

    def pay_in() -> object:
        with lock_timeout(20_000):
            return deposit_create(actor=owner, wallet_id=alice.id, amount=10)

    def hold() -> None:
        with transaction.atomic():
            Wallet.objects.select_for_update().get(id=alice.id)
            time.sleep(0.1)

    answers = at_once([hold, pay_in, pay_in])
    assert [answer.code for answer in answers] == ["done"] * 3
    assert balance_of(alice) == 120
    assert time.monotonic() - started < 20
