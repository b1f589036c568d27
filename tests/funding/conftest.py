"""Sites on which staff or a provider put money into wallets, and people with some money."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from pytest_django import Settings

from tests.funding.provider import SECRET, Provider
from tests.people import deposit, person, wallet_of
from transactions.services import withdrawal_create
from wallets.models import User, Wallet


@contextmanager
def funded_by(mode: str, settings: Settings) -> Iterator[None]:
    """A site with this FUNDING: the settings, and this thread's connection, whose guard reads the mode."""
    settings.FUNDING = mode
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('wallet.funding', %s, false)", [mode])
    yield
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('wallet.funding', 'demo', false)")


@pytest.fixture
def by_staff(db: None, settings: Settings, wallet: Wallet) -> Iterator[None]:
    with funded_by("staff", settings):
        yield


@pytest.fixture
def by_provider(db: None, settings: Settings, wallet: Wallet) -> Iterator[None]:
    settings.FUNDING_WEBHOOK_SECRETS = [SECRET]
    with funded_by("provider", settings):
        yield


@pytest.fixture
def provider(by_provider: None) -> Provider:
    return Provider()


@pytest.fixture
def wallet(alice: User) -> Wallet:
    """Alice's wallet, with 10 dollars."""
    wallet = wallet_of(alice)
    deposit(wallet, 1_000)
    return wallet


@pytest.fixture
def withdrawal_id(alice: User, wallet: Wallet) -> int:
    """Alice has withdrawn 4 of her dollars."""
    return withdrawal_create(actor=alice, wallet_id=wallet.id, amount=400).transaction.pk


@pytest.fixture
def clerk(db: None) -> User:
    return person("clerk")


@pytest.fixture
def manager(db: None) -> User:
    return person("manager")
