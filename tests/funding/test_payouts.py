"""Pay-outs: what becomes of a withdrawal outside."""

import pytest
from django.db import IntegrityError, connection, transaction

from tests.concurrency.crowd import at_once
from tests.people import balance_of, deposit, status_set, wallet_of
from transactions.audit import books_audit
from transactions.funding.deposits import provider_user
from transactions.funding.payouts import payout_confirm, payout_list_open, payout_return
from transactions.models import Payout, Transaction
from transactions.recipients import TransferRequest
from transactions.services import transfer_create, withdrawal_create
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet, WalletStatus


def _status(withdrawal_id: int) -> str:
    return Payout.objects.get(withdrawal=withdrawal_id).status


def test_every_withdrawal_has_an_open_payout(withdrawal_id: int) -> None:
    assert _status(withdrawal_id) == Payout.Status.OPEN
    assert [payout.pk for payout in payout_list_open()] == [withdrawal_id]


def test_a_replayed_withdrawal_has_one_payout(alice: User, wallet: Wallet) -> None:
    for _ in range(2):
        withdrawal_create(actor=alice, wallet_id=wallet.id, amount=5, idempotency_key="once")

    assert Payout.objects.count() == 1


def test_transfers_and_deposits_have_none(alice: User, bob: User, wallet: Wallet) -> None:
    transfer_create(actor=alice, request=TransferRequest(source_id=wallet.id, recipient="bob", amount=1))

    assert not Payout.objects.exists()


def test_a_confirmation_is_recorded_once(withdrawal_id: int) -> None:
    assert payout_confirm(withdrawal_id=withdrawal_id, reference="BANK-1")
    assert not payout_confirm(withdrawal_id=withdrawal_id, reference="BANK-2")

    payout = Payout.objects.get()
    assert (payout.status, payout.reference) == (Payout.Status.CONFIRMED, "BANK-1")
    assert payout.confirmed_at is not None


@pytest.mark.parametrize("is_confirmed_before", [False, True])
def test_a_return_brings_the_money_back_once(is_confirmed_before: bool, withdrawal_id: int, wallet: Wallet) -> None:
    if is_confirmed_before:
        payout_confirm(withdrawal_id=withdrawal_id)

    first = payout_return(withdrawal_id=withdrawal_id, initiator=provider_user(), reason="Account closed")
    again = payout_return(withdrawal_id=withdrawal_id, initiator=provider_user(), reason="Account closed")

    assert first == again
    assert balance_of(wallet) == 1_000
    payout = Payout.objects.get()
    assert (payout.status, payout.returned_by, payout.reason) == (Payout.Status.RETURNED, first, "Account closed")
    assert books_audit().clean


def test_a_returned_payout_cannot_be_confirmed(withdrawal_id: int) -> None:
    payout_return(withdrawal_id=withdrawal_id, initiator=provider_user(), reason="Bounced")

    with pytest.raises(WalletError) as refused:
        payout_confirm(withdrawal_id=withdrawal_id)

    assert refused.value.code == ErrorCode.PAYOUT_RETURNED


def test_a_return_to_a_frozen_wallet_waits_until_it_is_reopened(withdrawal_id: int, wallet: Wallet) -> None:
    status_set(wallet, WalletStatus.FROZEN)
    with pytest.raises(WalletError) as refused:
        payout_return(withdrawal_id=withdrawal_id, initiator=provider_user(), reason="Bounced")
    assert refused.value.code == ErrorCode.WALLET_FROZEN
    assert _status(withdrawal_id) == Payout.Status.OPEN

    status_set(wallet, WalletStatus.OPEN)
    payout_return(withdrawal_id=withdrawal_id, initiator=provider_user(), reason="Bounced")

    assert balance_of(wallet) == 1_000


def test_unknown_payouts_are_not_found(wallet: Wallet) -> None:
    deposit_id = Transaction.objects.get().pk

    for number in (deposit_id, 1):
        with pytest.raises(WalletError) as refused:
            payout_confirm(withdrawal_id=number)
        assert refused.value.code == ErrorCode.NOT_FOUND


@pytest.mark.django_db(transaction=True)
def test_of_many_returns_at_once_one_moves_the_money(withdrawal_id: int, wallet: Wallet) -> None:
    provider = provider_user()

    answers = at_once([lambda: payout_return(withdrawal_id=withdrawal_id, initiator=provider, reason="Bounced")] * 8)

    assert {answer.code for answer in answers} == {"done"}
    assert len({answer.value for answer in answers}) == 1
    assert balance_of(wallet) == 1_000


@pytest.mark.django_db(transaction=True)
def test_a_confirmation_and_a_return_at_once_leave_one_story(withdrawal_id: int, wallet: Wallet) -> None:
    provider = provider_user()

    confirmed, returned = at_once(
        [
            lambda: payout_confirm(withdrawal_id=withdrawal_id),
            lambda: payout_return(withdrawal_id=withdrawal_id, initiator=provider, reason="Bounced") is not None,
        ]
    )

    assert confirmed.code in {"done", "payout_returned"}
    assert returned.code == "done"
    assert _status(withdrawal_id) == Payout.Status.RETURNED
    assert balance_of(wallet) == 1_000


def _attack(sql: str, **parameters: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE transactions_payout SET status = 'returned'",
        "UPDATE transactions_payout SET status = 'returned', returned_by_id = %(foreign)s",
        "UPDATE transactions_payout SET status = 'confirmed'",
        "UPDATE transactions_payout SET status = 'paid', confirmed_at = now()",
        "UPDATE transactions_payout SET withdrawal_id = %(foreign)s",
        "INSERT INTO transactions_payout (withdrawal_id) VALUES (%(withdrawal)s)",
        "DELETE FROM transactions_payout",
    ],
)
def test_the_database_refuses_a_payout_that_tells_another_story(sql: str, withdrawal_id: int, bob: User) -> None:
    deposit(wallet_of(bob), 400)
    foreign = Transaction.objects.get(destination__owner=bob).pk

    with pytest.raises(IntegrityError):
        _attack(sql, foreign=foreign, withdrawal=withdrawal_id)

    assert _status(withdrawal_id) == Payout.Status.OPEN


def test_the_database_refuses_to_open_a_returned_payout_again(withdrawal_id: int) -> None:
    payout_return(withdrawal_id=withdrawal_id, initiator=provider_user(), reason="Bounced")

    with pytest.raises(IntegrityError, match="cannot go"):
        _attack("UPDATE transactions_payout SET status = 'open', returned_by_id = NULL")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["transactions_payout", "transactions_proposal"])
def test_the_database_refuses_to_truncate(table: str, withdrawal_id: int) -> None:
    with pytest.raises(IntegrityError, match="never deleted"):
        _attack(f"TRUNCATE {table} CASCADE")
