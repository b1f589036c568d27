"""The dashboard of a user."""

from typing import Any

from django.test import Client

from tests.pages.kit import MINUS, give, text_of, wallet_of
from transactions.recipients import TransferRequest
from transactions.services import transfer_create
from wallets.models import User
from wallets.services import wallet_freeze, wallet_open


def test_it_leads_a_new_user_to_the_first_deposit(alices: Client) -> None:
    page = text_of(alices.get("/"))
    assert "Your wallet is ready" in page
    assert "/add/" in page


def test_it_shows_the_balance_and_the_latest_transactions(alices: Client, alice: User, bob: User) -> None:
    give(alice, 12_345, memo="Salary")
    transfer_create(
        actor=alice, request=TransferRequest(source_id=wallet_of(alice).id, recipient="bob", amount=2_000, memo="Lunch")
    )
    page = text_of(alices.get("/"))
    assert '$103<span class="balance-change">.45</span>' in page
    assert "+$123.45" in page
    assert f"{MINUS}$20.00" in page
    assert "Lunch" in page
    assert "Today" in page


def test_it_offers_to_pay_the_same_users_again(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    transfer_create(actor=alice, request=TransferRequest(source_id=wallet_of(alice).id, recipient="bob", amount=2_000))
    assert f"/send/?wallet={wallet_of(alice).id}&amp;to=bob" in text_of(alices.get("/"))


def test_it_switches_between_currencies(alices: Client, alice: User) -> None:
    wallet_open(owner=alice, currency="KWD")
    give(alice, 1_500, currency="KWD")
    page = text_of(alices.get("/", {"wallet": str(wallet_of(alice, "KWD").id)}))
    assert 'KWD\N{NO-BREAK SPACE}1<span class="balance-change">.500</span>' in page


def test_it_says_that_a_wallet_is_frozen_and_offers_no_actions(alices: Client, alice: User, bob: User) -> None:
    wallet_freeze(wallet_id=wallet_of(alice).id, actor=bob, reason="A test")
    page = text_of(alices.get("/"))
    assert "Frozen" in page
    assert "hero-action" not in page


def test_it_escapes_what_users_write(alices: Client, alice: User) -> None:
    give(alice, 500, memo="<script>alert(1)</script>")
    page = text_of(alices.get("/"))
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_with_a_cold_cache_any_number_of_transactions_takes_the_same_number_of_queries(
    alices: Client, alice: User, bob: User, django_assert_num_queries: Any
) -> None:
    for amount in range(1, 40):
        give(alice, amount * 100)
        transfer_create(
            actor=alice, request=TransferRequest(source_id=wallet_of(alice).id, recipient="bob", amount=amount)
        )
    # The session, the user, the ids of the wallets, their views, the pending transfers, the failed ones, the wallet's
    # view again, the entries with their transactions.
    with django_assert_num_queries(8):
        alices.get("/")


def test_it_shows_times_in_the_users_time_zone(alices: Client, alice: User) -> None:
    give(alice, 500)
    alices.cookies["timezone"] = "Asia/Kolkata"
    response = alices.get("/")
    assert "+05:30" in text_of(response)
    alices.cookies["timezone"] = "../../etc/passwd"
    assert "+00:00" in text_of(alices.get("/"))
