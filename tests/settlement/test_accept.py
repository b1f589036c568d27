"""Accepting: a transfer is refused at once, or durable at once."""

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from tests.database import superuser_name
from tests.settlement.books import assert_books_clean, assert_settled, pending_count
from tests.settlement.locks import outside_connection
from tests.settlement.requests import codes, to_bob
from tests.settlement.transfers import accept, drain, transfer
from transactions.models import Job, Status, Transaction
from transactions.recipients import TransferRequest
from transactions.services import Receipt, transfer_submit, transfers_submit
from transactions.settlement.accept import transfers_accept
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet
from wallets.services import wallet_freeze, wallet_open

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_accepted_transfer_is_pending_with_its_job_and_moves_no_money_yet(
    alice: User, alice_wallet: Wallet, bob_wallet: Wallet
) -> None:
    receipt = transfer_submit(actor=alice, request=to_bob(alice_wallet, 25, memo="lunch"))

    stored = Transaction.objects.get(id=receipt.transaction.id)
    assert (stored.status, stored.amount, stored.memo) == (Status.PENDING, 25, "lunch")
    assert (stored.source_id, stored.destination_id) == (alice_wallet.id, bob_wallet.id)
    assert Job.objects.get().transaction_id == stored.id
    assert Wallet.objects.get(id=alice_wallet.id).balance == 1_000
    assert_books_clean()


def test_each_item_of_a_list_is_accepted_or_refused_and_answered_in_order(
    alice: User, alice_wallet: Wallet, bob_wallet: Wallet
) -> None:
    yen = wallet_open(owner=alice, currency="JPY")
    answers = transfers_submit(
        actor=alice,
        requests=[
            to_bob(alice_wallet),
            TransferRequest(source_id=alice_wallet.id, recipient="nobody", amount=1),
            TransferRequest(source_id=alice_wallet.id, destination_id=alice_wallet.id, amount=1),
            TransferRequest(source_id=alice_wallet.id, destination_id=yen.id, amount=1),
            TransferRequest(source_id=bob_wallet.id, recipient="alice", amount=1),
            TransferRequest(source_id=alice_wallet.id, recipient="bob", destination_id=bob_wallet.id, amount=1),
            to_bob(alice_wallet, 0),
            to_bob(alice_wallet, 5_000),
        ],
    )

    assert codes(answers) == [
        "accepted",
        "recipient_not_found",
        "same_wallet",
        "currency_mismatch",
        "not_found",
        "malformed",
        "malformed",
        # The balance is checked only when the transfer settles.
        "accepted",
    ]
    assert pending_count() == 2
    drain(alice_wallet)
    assert_settled([a.transaction for a in answers if isinstance(a, Receipt)], posted=1)


def test_accepting_refuses_a_frozen_source(alice: User, bob: User, alice_wallet: Wallet, bob_wallet: Wallet) -> None:
    wallet_freeze(wallet_id=alice_wallet.id, actor=bob, reason="a stolen phone")
    with pytest.raises(WalletError) as refused:
        transfer_submit(actor=alice, request=to_bob(alice_wallet))
    assert refused.value.code == ErrorCode.WALLET_FROZEN
    assert pending_count() == 0


def test_accepting_says_nothing_about_the_recipients_wallet(
    alice: User, alice_wallet: Wallet, bob_wallet: Wallet
) -> None:
    """Whoever could not pay would learn for free whether it is frozen."""
    wallet_freeze(wallet_id=bob_wallet.id, actor=alice, reason="a stolen phone")
    receipt = transfer_submit(actor=alice, request=to_bob(alice_wallet))
    drain(alice_wallet)
    receipt.transaction.refresh_from_db()
    assert receipt.transaction.failure_code == ErrorCode.RECIPIENT_CANNOT_RECEIVE


def test_accepting_does_not_wait_for_locked_wallets(alice_wallet: Wallet, bob_wallet: Wallet) -> None:
    """A posting that has locked both wallets does not delay accepting."""
    with outside_connection() as stranger:
        stranger.execute("SELECT FROM wallets_wallet FOR NO KEY UPDATE")
        assert len(accept([transfer(alice_wallet, bob_wallet)])) == 1
        stranger.rollback()


def test_accepting_inside_another_database_transaction_raises(alice_wallet: Wallet, bob_wallet: Wallet) -> None:
    """Otherwise that transaction could roll back a transfer that was answered as accepted."""
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        transfers_accept([transfer(alice_wallet, bob_wallet)])
    assert pending_count() == 0


def test_a_list_of_any_length_takes_the_same_number_of_statements(
    alice_wallet: Wallet, bob_wallet: Wallet, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    accept([transfer(alice_wallet, bob_wallet)])
    for length in (1, 100):
        # BEGIN, the lookup of the keys, one insert, COMMIT.
        with django_assert_num_queries(4):
            accept([transfer(alice_wallet, bob_wallet, key=f"k{length}-{number}") for number in range(length)])


def test_if_postgres_fails_while_accepting_all_or_nothing_is_accepted(alice_wallet: Wallet, bob_wallet: Wallet) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    with outside_connection(role=superuser_name()) as stranger:
        # Waits until the backend is gone. (Inside a database transaction, pg_stat_activity would not change.)
        assert stranger.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchone() == (True,)
    with pytest.raises(Exception, match="terminat"):
        transfers_accept([transfer(alice_wallet, bob_wallet)])
    assert pending_count() == 0
    assert len(accept([transfer(alice_wallet, bob_wallet)])) == 1
