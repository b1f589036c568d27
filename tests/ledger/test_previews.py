"""What a sender can find out before paying: nothing about the recipient's wallet."""

import pytest
from django.db import connection

from tests.ledger.test_history_plans import _FILL_SQL, ENTRIES
from tests.people import deposit, funded, person, status_set, wallet_of
from transactions.models import Transaction
from transactions.previews import transfer_preview
from transactions.recipients import TransferRequest
from transactions.selectors import _PAYMENT_SQL, payment_exists
from transactions.services import transfer_create, transfer_submit
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.money import AMOUNT_MAX, BALANCE_MAX
from wallets.models import User, Wallet, WalletStatus
from wallets.services import wallet_open

pytestmark = pytest.mark.django_db


def previewed(alice: Wallet, amount: int) -> str:
    assert alice.owner is not None
    request = TransferRequest(source_id=alice.id, recipient="bob", amount=amount)
    try:
        preview = transfer_preview(actor=alice.owner, request=request)
    except WalletError as error:
        return str(error.code)
    return f"{preview.recipient_name} {preview.is_first_payment} {preview.balance_after}"


@pytest.mark.parametrize("amount", [1, 100, 101, AMOUNT_MAX])
def test_a_preview_is_the_same_whatever_the_recipients_wallet_holds(amount: int) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    seen = {previewed(alice, amount)}
    status_set(bob, WalletStatus.CLOSED)
    seen.add(previewed(alice, amount))
    status_set(bob, WalletStatus.FROZEN)
    seen.add(previewed(alice, amount))
    status_set(bob, WalletStatus.OPEN)
    deposit(bob, BALANCE_MAX - 50)
    seen.add(previewed(alice, amount))
    assert len(seen) == 1


def test_a_preview_says_what_is_wrong_with_the_senders_side() -> None:
    alice, bob = funded("alice", 100), funded("bob")
    assert previewed(alice, 101) == ErrorCode.INSUFFICIENT_FUNDS
    status_set(alice, WalletStatus.FROZEN)
    assert previewed(alice, 1) == ErrorCode.WALLET_FROZEN
    assert bob.owner is not None
    euros = wallet_open(owner=bob.owner, currency="EUR")
    request = TransferRequest(source_id=alice.id, destination_id=euros.id, amount=1)
    assert alice.owner is not None
    with pytest.raises(WalletError) as refusal:
        transfer_preview(actor=alice.owner, request=request)
    assert refusal.value.code == ErrorCode.CURRENCY_MISMATCH


def test_only_a_posted_transfer_in_this_direction_is_a_payment() -> None:
    alice, bob = funded("alice", 100), funded("bob", 100)
    charlie = person("charlie")
    sender, receiver = alice.owner, bob.owner
    assert sender is not None
    assert receiver is not None
    there = {"payer_id": sender.pk, "payee_id": receiver.pk}
    back = {"payer_id": receiver.pk, "payee_id": sender.pk}
    assert not payment_exists(**there)
    request = TransferRequest(source_id=alice.id, recipient="bob", amount=1)
    transfer_submit(actor=sender, request=request)
    assert not payment_exists(**there), "a pending transfer is none yet"
    transfer_create(actor=sender, request=request)
    assert payment_exists(**there)
    assert not payment_exists(**back)
    assert not payment_exists(payer_id=sender.pk, payee_id=charlie.pk)


def test_a_payment_in_one_currency_counts_for_all() -> None:
    alice, bob = funded("alice", 100, "EUR"), person("bob")
    wallet_open(owner=bob, currency="EUR")
    assert alice.owner is not None
    transfer_create(actor=alice.owner, request=TransferRequest(source_id=alice.id, recipient="bob", amount=1))
    assert payment_exists(payer_id=alice.owner.pk, payee_id=bob.pk)


def test_finding_a_payment_takes_one_look_however_long_the_histories_are() -> None:
    """Both users have thousands of transfers, but none between them."""
    alice = wallet_of(person("alice"))
    with connection.cursor() as cursor:
        cursor.execute(_FILL_SQL, {"wallet": alice.id, "entries": ENTRIES})
        busy = Transaction.objects.filter(source=alice).values_list("destination__owner", flat=True)[0]
        stranger = person("bob")
        for payer, payee in ((alice.owner_id, stranger.pk), (stranger.pk, alice.owner_id), (busy, alice.owner_id)):
            cursor.execute("EXPLAIN (ANALYZE, FORMAT TEXT) " + _PAYMENT_SQL, [payer, payee])
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "transaction_pair" in plan, plan
            assert "Rows Removed by Filter" not in plan, plan


def test_the_display_name_is_what_the_user_chose() -> None:
    alice, _ = funded("alice", 100), funded("bob")
    User.objects.filter(username="bob").update(display_name="Robert Smith")
    assert previewed(alice, 1).startswith("Robert Smith ")
