"""Opening and reading wallets."""

import pytest
from django.db import IntegrityError
from pytest_django import DjangoAssertNumQueries

from tests.people import person, wallet_of
from wallets import node_leases
from wallets.domain.currencies import CURRENCIES
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import ClockError
from wallets.models import User, Wallet
from wallets.node_leases import LeaseError
from wallets.selectors import wallet_get, wallet_list
from wallets.services import wallet_open

pytestmark = pytest.mark.django_db


def test_a_wallet_can_be_opened_in_every_currency() -> None:
    alice = person("alice")
    for currency in CURRENCIES.values():
        wallet = wallet_of(alice, currency.code)
        assert (wallet.currency, wallet.balance, wallet.version, wallet.is_outside) == (currency.code, 0, 0, False)
        outside = Wallet.objects.get(owner=None, currency=currency.code)
        assert (outside.id, outside.is_outside) == (currency.numeric, True)
    assert Wallet.objects.count() == 2 * len(CURRENCIES)


def test_a_second_wallet_in_the_same_currency_is_refused() -> None:
    alice = person("alice")
    with pytest.raises(WalletError, match="already have a wallet in USD") as refusal:
        wallet_open(owner=alice, currency="USD")
    assert refusal.value.code == ErrorCode.WALLET_EXISTS
    assert Wallet.objects.filter(owner=alice).count() == 1


@pytest.mark.parametrize("currency", ["usd", "XXX", "", "EURO", "U$D", "US\0"])
def test_an_unknown_currency_is_malformed(currency: str) -> None:
    alice = person("alice")
    with pytest.raises(WalletError) as refusal:
        wallet_open(owner=alice, currency=currency)
    assert refusal.value.code == ErrorCode.MALFORMED
    assert set(refusal.value.fields) == {"currency"}


class Ids:
    """An id generator that always returns the same id, or always fails."""

    def __init__(self, answer: int | Exception) -> None:
        self._answer = answer

    def next(self) -> int:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.mark.parametrize("error", [ClockError("behind"), LeaseError("all taken")])
def test_without_an_id_no_wallet_and_no_account_is_created(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    alice = person("alice")
    monkeypatch.setattr(node_leases, "_generator", Ids(error))
    for call in (lambda: wallet_open(owner=alice, currency="EUR"), lambda: person("bob")):
        with pytest.raises(WalletError) as refusal:
            call()
        assert (refusal.value.code, refusal.value.retry_after_s) == (ErrorCode.UNAVAILABLE, 1)
    assert list(User.objects.all()) == [alice]
    assert Wallet.objects.filter(owner__isnull=False).count() == 1


def test_a_duplicate_id_is_a_fault_and_not_reported_as_an_existing_wallet(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = person("alice")
    monkeypatch.setattr(node_leases, "_generator", Ids(wallet_of(alice).id))
    with pytest.raises(IntegrityError, match="wallets_wallet_pkey"):
        wallet_open(owner=alice, currency="EUR")
    assert [wallet.currency for wallet in wallet_list(owner=alice)] == ["USD"]


def test_a_list_shows_a_users_own_wallets_oldest_first(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    alice = person("alice")
    opened = [wallet_of(alice)] + [wallet_open(owner=alice, currency=currency) for currency in ("EUR", "CHF", "AUD")]
    person("bob")
    with django_assert_num_queries(1):
        listed = list(wallet_list(owner=alice))
        assert {wallet.owner.username for wallet in listed if wallet.owner} == {"alice"}
    assert listed == opened


def test_only_its_owner_can_read_a_wallet() -> None:
    alice, bob = person("alice"), person("bob")
    wallet = wallet_of(alice)
    assert wallet_get(owner=alice, wallet_id=wallet.id) == wallet
    for wallet_id in (wallet.id, 840, 0, -1, 2**63, 2**80):
        with pytest.raises(WalletError) as refusal:
            wallet_get(owner=bob, wallet_id=wallet_id)
        assert refusal.value.code == ErrorCode.NOT_FOUND
        assert refusal.value.detail == "You have no such wallet."
