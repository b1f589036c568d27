"""Nobody puts money into their own wallet, except where money is a demo."""

import json

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pytest_django import Settings

from tests.api.client import person as api_person
from tests.funding.conftest import funded_by
from tests.people import balance_of
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind, Transaction
from transactions.services import deposit_create
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet

CLOSED = pytest.mark.parametrize("mode", ["staff", "provider"])


@CLOSED
def test_an_owner_cannot_deposit(mode: str, wallet: Wallet, alice: User, settings: Settings) -> None:
    with funded_by(mode, settings), pytest.raises(WalletError) as refused:
        deposit_create(actor=alice, wallet_id=wallet.id, amount=100)

    assert refused.value.code == ErrorCode.FUNDING_CLOSED
    assert balance_of(wallet) == 1_000


@CLOSED
def test_rest_answers_403_funding_closed(mode: str, wallet: Wallet, alice: User, settings: Settings) -> None:
    caller = api_person(alice)

    with funded_by(mode, settings):
        answer = caller.api.post(f"{caller.wallet_path}/deposits", {"amount": 100})

    assert (answer.status_code, json.loads(answer.content)["code"]) == (403, "funding_closed")
    assert balance_of(wallet) == 1_000


@CLOSED
def test_the_page_says_how_to_pay_in_and_shows_the_wallets_id(
    mode: str, wallet: Wallet, alice: User, settings: Settings
) -> None:
    settings.FUNDING_INSTRUCTIONS = "Pay to account 12-34, Example Bank."
    browser = Client()
    browser.force_login(alice)

    with funded_by(mode, settings):
        page = browser.get("/add/")
        form = browser.post("/add/", {"wallet": str(wallet.id), "amount": "1.00"})

    assert "Pay to account 12-34, Example Bank." in page.content.decode()
    assert str(wallet.id) in page.content.decode()
    assert form.status_code == 403
    assert balance_of(wallet) == 1_000


@CLOSED
def test_the_database_refuses_code_that_forgets_the_rule(
    mode: str, wallet: Wallet, alice: User, settings: Settings
) -> None:
    forgotten = Command(kind=Kind.DEPOSIT, amount=100, destination_id=wallet.id, initiator_id=alice.pk)

    with (
        funded_by(mode, settings),
        transaction.atomic(),
        pytest.raises(IntegrityError, match="may not deposit"),
    ):
        post([forgotten])

    assert balance_of(wallet) == 1_000


def test_a_connection_without_the_setting_counts_as_closed(wallet: Wallet, alice: User, settings: Settings) -> None:
    """Poolers drop settings that a connection starts with."""
    forgotten = Command(kind=Kind.DEPOSIT, amount=100, destination_id=wallet.id, initiator_id=alice.pk)

    with funded_by("demo", settings):
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('wallet.funding', '', false)")
        with transaction.atomic(), pytest.raises(IntegrityError, match="may not deposit"):
            post([forgotten])


def test_pages_say_that_demo_money_is_worth_nothing(wallet: Wallet, alice: User, settings: Settings) -> None:
    browser = Client()
    assert "Demo money" in browser.get("/accounts/login/").content.decode()
    browser.force_login(alice)
    assert "Demo money" in browser.get("/add/").content.decode()

    with funded_by("staff", settings):
        assert "Demo money" not in browser.get("/add/").content.decode()


def test_withdrawals_and_transfers_go_on_where_deposits_are_closed(wallet: Wallet, alice: User, by_staff: None) -> None:
    caller = api_person(alice)

    assert caller.api.post(f"{caller.wallet_path}/withdrawals", {"amount": 100}).status_code == 201

    assert balance_of(wallet) == 900
    assert Transaction.objects.count() == 2
