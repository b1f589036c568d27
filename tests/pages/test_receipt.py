"""The receipt of a transaction."""

from typing import Any

from django.test import Client

from tests.pages.kit import MINUS, give, settle, text_of, wallet_of
from transactions.recipients import TransferRequest
from transactions.services import deposit_create, transfer_create, transfer_submit
from wallets.models import User


def test_it_shows_the_same_transaction_from_both_sides(
    alices: Client, bobs: Client, alice: User, bob: User, django_assert_num_queries: Any
) -> None:
    give(alice, 5_000)
    receipt = transfer_create(
        actor=alice,
        request=TransferRequest(
            source_id=wallet_of(alice).id, recipient="bob", amount=2_000, memo="For lunch & coffee"
        ),
    )
    path = f"/transactions/{receipt.transaction.pk}/"
    with django_assert_num_queries(3):
        hers = text_of(alices.get(path))
    his = text_of(bobs.get(path))
    assert f"{MINUS}$20.00" in hers
    assert "<bdi>alice</bdi> (you)" in hers
    assert "+$20.00" in his
    assert "<bdi>bob</bdi> (you)" in his
    for page in (hers, his):
        assert "For lunch &amp; coffee" in page
        assert "Completed" in page
        assert str(receipt.transaction.pk) in page


def test_it_shows_that_a_deposit_came_from_the_outside_wallet(alices: Client, alice: User) -> None:
    receipt = deposit_create(actor=alice, wallet_id=wallet_of(alice).id, amount=500)
    assert "Outside Wallet" in text_of(alices.get(f"/transactions/{receipt.transaction.pk}/"))


def test_it_shows_that_a_transfer_is_pending(alices: Client, alice: User, bob: User) -> None:
    request = TransferRequest(source_id=wallet_of(alice).id, recipient="bob", amount=2_000)
    pending = transfer_submit(actor=alice, request=request).transaction
    page = text_of(alices.get(f"/transactions/{pending.pk}/"))
    assert "Transfer pending" in page
    assert "Pending" in page


def test_it_shows_why_a_transfer_failed(alices: Client, alice: User, bob: User) -> None:
    request = TransferRequest(source_id=wallet_of(alice).id, recipient="bob", amount=2_000)
    failed = transfer_submit(actor=alice, request=request).transaction
    settle()
    page = text_of(alices.get(f"/transactions/{failed.pk}/"))
    assert "Transfer failed" in page
    assert "Your wallet did not hold enough money" in page
    assert "No money moved." in page
