"""The services that move money: who may call them for which wallet, and what they return."""

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pytest_django import DjangoAssertNumQueries

from tests.people import balance_of, funded, person, status_set, wallet_of
from transactions.models import Kind, Transaction
from transactions.reads import transaction_read
from transactions.recipients import TransferRequest
from transactions.selectors import transaction_list_by_key
from transactions.services import Receipt, deposit_create, transfer_create, withdrawal_create
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet, WalletStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(db: None) -> Wallet:
    return funded("alice", 1_000)


@pytest.fixture
def bob(db: None) -> Wallet:
    return wallet_of(person("bob"))


def owner(wallet: Wallet) -> User:
    assert wallet.owner is not None
    return wallet.owner


def refused(call: Callable[[], object]) -> ErrorCode:
    before = list(Transaction.objects.values_list("id", flat=True))
    with pytest.raises(WalletError) as refusal:
        call()
    assert list(Transaction.objects.values_list("id", flat=True)) == before
    return refusal.value.code


def test_a_deposit_and_a_withdrawal_change_the_balance(alice: Wallet) -> None:
    deposit_create(actor=owner(alice), wallet_id=alice.id, amount=50, memo="salary")
    receipt = withdrawal_create(actor=owner(alice), wallet_id=alice.id, amount=30, memo="cash")
    assert balance_of(alice) == 1_020
    assert not receipt.replayed
    assert (receipt.transaction.kind, receipt.transaction.memo) == (Kind.WITHDRAWAL, "cash")


@pytest.mark.parametrize("name", ["bob", "BOB", " Bob ", "bob@example.com", "Bob@Example.COM"])
def test_money_can_be_sent_by_username_or_email_in_any_case(alice: Wallet, bob: Wallet, name: str) -> None:
    receipt = transfer_create(
        actor=owner(alice), request=TransferRequest(source_id=alice.id, recipient=name, amount=10)
    )
    assert receipt.transaction.destination_id == bob.id
    assert balance_of(bob) == 10


def test_money_can_be_sent_to_a_wallet(alice: Wallet, bob: Wallet) -> None:
    transfer_create(actor=owner(alice), request=TransferRequest(source_id=alice.id, destination_id=bob.id, amount=10))
    assert (balance_of(alice), balance_of(bob)) == (990, 10)


def test_a_receipt_has_both_owners_without_further_queries(
    alice: Wallet, bob: Wallet, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    receipt = transfer_create(
        actor=owner(alice), request=TransferRequest(source_id=alice.id, recipient="bob", amount=10)
    )
    with django_assert_num_queries(0):
        source, destination = receipt.transaction.source, receipt.transaction.destination
        assert source is not None
        assert destination is not None
        assert (owner(source).username, owner(destination).username) == ("alice", "bob")


@pytest.mark.parametrize("service", [deposit_create, withdrawal_create])
def test_users_cannot_deposit_or_withdraw_in_another_users_wallet(
    alice: Wallet, bob: Wallet, service: Callable[..., Receipt]
) -> None:
    assert refused(lambda: service(actor=owner(bob), wallet_id=alice.id, amount=1)) == ErrorCode.NOT_FOUND
    assert refused(lambda: service(actor=owner(bob), wallet_id=4_711_000, amount=1)) == ErrorCode.NOT_FOUND
    assert refused(lambda: service(actor=owner(bob), wallet_id=840, amount=1)) == ErrorCode.NOT_FOUND


def test_users_cannot_send_from_another_users_wallet(alice: Wallet, bob: Wallet) -> None:
    theft: dict[str, Any] = {"actor": owner(bob), "source_id": alice.id, "destination_id": bob.id, "amount": 1}
    assert refused(lambda: _send(**theft)) == ErrorCode.NOT_FOUND


@pytest.mark.parametrize("wallet_id", [4_711_000, 840, 0, -1, 2**63, 2**80])
def test_a_destination_that_does_not_exist_is_not_found(alice: Wallet, wallet_id: int) -> None:
    sent: dict[str, Any] = {"actor": owner(alice), "source_id": alice.id, "destination_id": wallet_id, "amount": 1}
    assert refused(lambda: _send(**sent)) == ErrorCode.NOT_FOUND


@pytest.mark.parametrize(
    "name", ["charlie", "charlie@example.com", "", " ", "@", "bo", "bob\0", "\ud800", "outside", "%"]
)
def test_a_recipient_that_does_not_exist_is_not_found(alice: Wallet, bob: Wallet, name: str) -> None:
    sent: dict[str, Any] = {"actor": owner(alice), "source_id": alice.id, "recipient": name, "amount": 1}
    assert refused(lambda: _send(**sent)) == ErrorCode.RECIPIENT_NOT_FOUND


def test_a_recipient_without_a_wallet_in_that_currency_is_not_found(alice: Wallet, bob: Wallet) -> None:
    euros = wallet_of(owner(alice), "EUR")
    deposit_create(actor=owner(alice), wallet_id=euros.id, amount=100)
    with pytest.raises(WalletError, match="bob has no wallet in EUR") as refusal:
        transfer_create(actor=owner(alice), request=TransferRequest(source_id=euros.id, recipient="bob", amount=1))
    assert refusal.value.code == ErrorCode.RECIPIENT_NOT_FOUND


def test_a_deactivated_recipient_is_not_found(alice: Wallet, bob: Wallet) -> None:
    User.objects.filter(username="bob").update(is_active=False)
    sent: dict[str, Any] = {"actor": owner(alice), "source_id": alice.id, "recipient": "bob", "amount": 1}
    assert refused(lambda: _send(**sent)) == ErrorCode.RECIPIENT_NOT_FOUND


@pytest.mark.parametrize("extra", [{}, {"destination_id": 1, "recipient": "bob"}])
def test_a_transfer_names_either_a_destination_or_a_recipient(alice: Wallet, extra: dict[str, Any]) -> None:
    with pytest.raises(WalletError) as refusal:
        _send(actor=owner(alice), source_id=alice.id, amount=1, **extra)
    assert refusal.value.code == ErrorCode.MALFORMED
    assert set(refusal.value.fields) == {"destination", "recipient"}


def test_a_transfer_to_oneself_is_refused(alice: Wallet) -> None:
    sent: dict[str, Any] = {"actor": owner(alice), "source_id": alice.id, "amount": 1}
    assert refused(lambda: _send(destination_id=alice.id, **sent)) == ErrorCode.SAME_WALLET
    assert refused(lambda: _send(recipient="alice", **sent)) == ErrorCode.SAME_WALLET


def test_the_ledgers_refusal_is_raised(alice: Wallet, bob: Wallet) -> None:
    sent: dict[str, Any] = {"actor": owner(alice), "source_id": alice.id, "recipient": "bob"}
    assert refused(lambda: _send(amount=1_001, **sent)) == ErrorCode.INSUFFICIENT_FUNDS
    assert refused(lambda: _send(amount=0, **sent)) == ErrorCode.MALFORMED
    status_set(bob, WalletStatus.FROZEN)
    assert refused(lambda: _send(amount=1, **sent)) == ErrorCode.RECIPIENT_CANNOT_RECEIVE
    status_set(alice, WalletStatus.FROZEN)
    assert refused(lambda: _send(amount=1, **sent)) == ErrorCode.WALLET_FROZEN


def test_a_repeated_request_gets_the_same_receipt(alice: Wallet, bob: Wallet) -> None:
    sent: dict[str, Any] = {"actor": owner(alice), "source_id": alice.id, "amount": 5, "idempotency_key": "k"}
    first = _send(recipient="bob", **sent)
    by_mail = _send(recipient="BOB@example.com", **sent)
    by_wallet = _send(destination_id=bob.id, **sent)
    assert (first.replayed, by_mail.replayed, by_wallet.replayed) == (False, True, True)
    assert first.transaction.id == by_mail.transaction.id == by_wallet.transaction.id
    assert balance_of(bob) == 5


@pytest.mark.parametrize("change", [{"is_active": False}, {"username": "robert"}])
def test_a_repeated_request_gets_its_receipt_even_if_the_recipient_was_deactivated(
    alice: Wallet, bob: Wallet, change: dict[str, Any]
) -> None:
    sent: dict[str, Any] = {"actor": owner(alice), "source_id": alice.id, "recipient": "bob", "amount": 5}
    first = _send(idempotency_key="k", **sent)
    User.objects.filter(username="bob").update(**change)
    again = _send(idempotency_key="k", **sent)
    assert (again.transaction.id, again.replayed) == (first.transaction.id, True)
    assert again.transaction.destination == bob
    other = {**sent, "amount": 6, "idempotency_key": "k"}
    assert refused(lambda: _send(**other)) == ErrorCode.IDEMPOTENCY_KEY_REUSED
    for key in (None, "another key"):
        assert refused(lambda key=key: _send(idempotency_key=key, **sent)) == ErrorCode.RECIPIENT_NOT_FOUND  # type: ignore[misc]


def test_a_deposits_key_cannot_be_reused_for_a_transfer(alice: Wallet) -> None:
    deposit_create(actor=owner(alice), wallet_id=alice.id, amount=5, idempotency_key="k")
    sent: dict[str, Any] = {"actor": owner(alice), "source_id": alice.id, "recipient": "bob", "amount": 5}
    assert refused(lambda: _send(idempotency_key="k", **sent)) == ErrorCode.RECIPIENT_NOT_FOUND


def test_both_sides_may_see_a_transaction_and_nobody_else(alice: Wallet, bob: Wallet) -> None:
    moved = transfer_create(
        actor=owner(alice), request=TransferRequest(source_id=alice.id, recipient="bob", amount=5)
    ).transaction
    for user in (owner(alice), owner(bob)):
        assert transaction_read(user=user, transaction_id=moved.id) == moved
    charlie = person("charlie")
    assert refused(lambda: transaction_read(user=charlie, transaction_id=moved.id)) == ErrorCode.NOT_FOUND


@pytest.mark.parametrize("transaction_id", [0, -1, 1, 2**63, 2**80])
def test_a_transaction_that_does_not_exist_is_not_found(alice: Wallet, transaction_id: int) -> None:
    assert refused(lambda: transaction_read(user=owner(alice), transaction_id=transaction_id)) == ErrorCode.NOT_FOUND


def test_a_deposit_is_seen_only_by_its_owner(alice: Wallet, bob: Wallet) -> None:
    moved = deposit_create(actor=owner(alice), wallet_id=alice.id, amount=5).transaction
    assert transaction_read(user=owner(alice), transaction_id=moved.id).source is None
    assert refused(lambda: transaction_read(user=owner(bob), transaction_id=moved.id)) == ErrorCode.NOT_FOUND


def test_a_transaction_is_found_by_its_key_only_by_its_initiator(alice: Wallet, bob: Wallet) -> None:
    sent: dict[str, Any] = {"actor": owner(alice), "source_id": alice.id, "recipient": "bob", "amount": 5}
    moved = _send(idempotency_key="k", **sent).transaction
    assert transaction_list_by_key(user=owner(alice), idempotency_key="k") == [moved]
    assert transaction_list_by_key(user=owner(bob), idempotency_key="k") == []
    for other in ("K", "", "k\0", "\ud800", "x" * 300):
        assert transaction_list_by_key(user=owner(alice), idempotency_key=other) == []


def test_a_transaction_with_its_sides_and_owners_is_one_query(
    alice: Wallet, bob: Wallet, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    sent: dict[str, Any] = {"actor": owner(alice), "source_id": alice.id, "recipient": "bob", "amount": 5}
    moved = _send(idempotency_key="k", **sent).transaction
    with django_assert_num_queries(2):
        by_id = transaction_read(user=owner(alice), transaction_id=moved.id)
        (by_key,) = transaction_list_by_key(user=owner(alice), idempotency_key="k")
        for found in (by_id, by_key):
            assert found.source
            assert found.destination
            assert (owner(found.source).username, owner(found.destination).username) == ("alice", "bob")


def test_postings_and_refusals_are_counted_but_replays_are_not(alice: Wallet) -> None:
    def counted(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"wallet_transactions_{name}_total", labels) or 0

    posted, too_much = counted("posted", kind="deposit"), {"kind": "withdrawal", "code": "insufficient_funds"}
    poor = counted("refused", **too_much)

    for _ in range(2):
        deposit_create(actor=owner(alice), wallet_id=alice.id, amount=1, idempotency_key="once")
    refused(lambda: withdrawal_create(actor=owner(alice), wallet_id=alice.id, amount=10_000))

    assert counted("posted", kind="deposit") == posted + 1
    assert counted("refused", **too_much) == poor + 1


def _send(*, actor: User, **request: Any) -> Receipt:
    return transfer_create(actor=actor, request=TransferRequest(**request))
