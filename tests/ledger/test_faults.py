"""Faults in the ledger: which of them the services retry, and what they raise in the end."""

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError
from psycopg.errors import DeadlockDetected, QueryCanceled

from tests.people import balance_of, funded
from transactions import services
from transactions.ledger.commands import Command, Outcome
from transactions.ledger.post import post
from transactions.services import withdrawal_create
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import ClockError
from wallets.models import User, Wallet
from wallets.node_leases import LeaseError

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(db: None) -> Wallet:
    return funded("alice", 1_000)


def owner(wallet: Wallet) -> User:
    assert wallet.owner is not None
    return wallet.owner


class Faulty:
    """A `post` that raises the given errors, one per call, before it works."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)

    def __call__(self, commands: list[Command]) -> list[Outcome]:
        if self.faults:
            raise self.faults.pop(0)
        return post(commands)


def caused(error: DatabaseError, cause: Exception) -> DatabaseError:
    error.__cause__ = cause
    return error


def deadlock() -> DatabaseError:
    return caused(OperationalError("deadlock detected"), DeadlockDetected())


def test_a_deadlock_is_retried(alice: Wallet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "post", Faulty(deadlock(), deadlock()))
    assert not withdrawal_create(actor=owner(alice), wallet_id=alice.id, amount=1).replayed
    assert balance_of(alice) == 999


def test_a_deadlock_that_persists_is_unavailable(alice: Wallet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "post", Faulty(*(deadlock() for _ in range(10))))
    with pytest.raises(WalletError) as refusal:
        withdrawal_create(actor=owner(alice), wallet_id=alice.id, amount=1)
    assert refusal.value.code == ErrorCode.UNAVAILABLE
    assert refusal.value.retry_after_s == 1
    assert balance_of(alice) == 1_000


@pytest.mark.parametrize("fault", [ClockError("behind"), LeaseError("all taken")])
def test_a_fault_of_the_id_generator_is_unavailable(
    alice: Wallet, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    monkeypatch.setattr(services, "post", Faulty(fault))
    with pytest.raises(WalletError) as refusal:
        withdrawal_create(actor=owner(alice), wallet_id=alice.id, amount=1)
    assert refusal.value.code == ErrorCode.UNAVAILABLE


@pytest.mark.parametrize(
    "fault", [caused(OperationalError("timeout"), QueryCanceled()), IntegrityError("a bug"), OperationalError("gone")]
)
def test_a_fault_that_a_retry_does_not_help_is_raised(
    alice: Wallet, monkeypatch: pytest.MonkeyPatch, fault: DatabaseError
) -> None:
    faulty = Faulty(fault)
    monkeypatch.setattr(services, "post", faulty)
    with pytest.raises(type(fault)) as passed:
        withdrawal_create(actor=owner(alice), wallet_id=alice.id, amount=1)
    assert passed.value is fault
    assert balance_of(alice) == 1_000
