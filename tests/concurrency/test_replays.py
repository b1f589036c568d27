"""Concurrent requests with the same idempotency key move money once."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction

from tests.concurrency.crowd import Meanwhile, at_once, codes
from tests.concurrency.processes import Worker
from tests.concurrency.waiting import backend_pid, lock_timeout, waited_for
from tests.people import balance_of, funded, person, wallet_of
from transactions.models import Transaction
from transactions.recipients import TransferRequest
from transactions.services import Receipt, deposit_create, transfer_create
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet


@pytest.fixture
def alice() -> Wallet:
    return funded("alice", 1_000)


@pytest.fixture
def owner(alice: Wallet) -> User:
    assert alice.owner
    return alice.owner


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_only_one_of_many_equal_requests_moves_money(alice: Wallet, owner: User) -> None:
    person("bob")
    request = TransferRequest(source_id=alice.id, recipient="bob", amount=100, idempotency_key="k")
    answers = at_once([lambda: transfer_create(actor=owner, request=request)] * 8)
    assert codes(answers) == {"done": 8}
    receipts = [answer.value for answer in answers if answer.value]
    assert sorted(receipt.replayed for receipt in receipts) == [False] + [True] * 7
    assert len({receipt.transaction.id for receipt in receipts}) == 1
    assert balance_of(alice) == 900


def test_equal_requests_of_many_processes_move_money_once(alice: Wallet, processes: list[Worker]) -> None:
    way = {"kind": "withdrawal", "source_id": alice.id, "amount": 100, "initiator_id": alice.owner_id}
    for process in processes:
        process.start("moved", way={**way, "idempotency_key": "k"})
    answers = [process.answer() for process in processes]
    assert len({transaction_id for transaction_id, _ in answers}) == 1
    assert sorted(replayed for _, replayed in answers) == [False, True, True, True]
    assert balance_of(alice) == 900


def test_only_one_of_many_different_requests_with_the_same_key_moves_money(alice: Wallet, owner: User) -> None:
    """Their wallets differ, so only the unique key keeps them apart. The losers look the key up again."""
    euros = [wallet_of(owner, currency) for currency in ("EUR", "JPY", "GBP", "SEK", "CHF", "KWD")]

    def pay_in(wallet_id: int) -> Receipt:
        return deposit_create(actor=owner, wallet_id=wallet_id, amount=5, idempotency_key="k")

    answers = at_once([lambda to=wallet.id: pay_in(to) for wallet in euros])  # type: ignore[misc]
    assert codes(answers) == {"done": 1, "idempotency_key_reused": 5}
    assert sorted(balance_of(wallet) for wallet in euros) == [0] * 5 + [5]
    assert Transaction.objects.filter(idempotency_key="k").count() == 1


def test_a_key_of_an_uncommitted_request_is_in_progress(alice: Wallet, owner: User) -> None:
    euros = wallet_of(owner, "EUR")
    with rolled_back():
        deposit_create(actor=owner, wallet_id=alice.id, amount=5, idempotency_key="k")

        def pay_in() -> Receipt:
            with lock_timeout(200):
                return deposit_create(actor=owner, wallet_id=euros.id, amount=5, idempotency_key="k")

        (answer,) = at_once([pay_in])
    assert isinstance(answer.error, WalletError)
    assert answer.error.code == ErrorCode.IDEMPOTENCY_IN_PROGRESS
    assert answer.error.retryable
    assert answer.error.retry_after_s == 1
    assert (balance_of(alice), balance_of(euros)) == (1_000, 0)
    assert not deposit_create(actor=owner, wallet_id=euros.id, amount=5, idempotency_key="k").replayed


@pytest.mark.parametrize("first_commits", [True, False])
def test_a_request_waits_for_an_earlier_one_with_the_same_key(alice: Wallet, owner: User, first_commits: bool) -> None:
    """If the first one commits, the second one finds it. If it rolls back, the second one posts."""
    euros = wallet_of(owner, "EUR")
    with transaction.atomic():
        deposit_create(actor=owner, wallet_id=alice.id, amount=5, idempotency_key="k")
        second = Meanwhile(lambda: deposit_create(actor=owner, wallet_id=euros.id, amount=5, idempotency_key="k"))
        waited_for(backend_pid())
        transaction.set_rollback(not first_commits)
    assert second.answer().code == ("idempotency_key_reused" if first_commits else "done")
    assert (balance_of(alice), balance_of(euros)) == ((1_005, 0) if first_commits else (1_000, 5))
