"""Accounts that were made where no wallet could be opened get it a moment later, once."""

import pytest
from django.db import transaction

from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import OwedWallet, User, Wallet
from wallets.services import user_register, wallet_open, wallet_owe, wallet_owed_open
from wallets.tasks import wallets_owed_task

pytestmark = pytest.mark.django_db


def newcomer(name: str) -> User:
    return user_register(
        username=name, email=f"{name}@example.com", password="correct horse battery", wallet_open_first=wallet_owe
    )


def test_the_sweep_opens_what_is_owed_and_nothing_twice() -> None:
    dora, emil = newcomer("dora"), newcomer("emil")
    assert not Wallet.objects.filter(owner__isnull=False).exists()
    for _ in range(2):
        wallets_owed_task()
        opened = Wallet.objects.filter(owner__isnull=False).order_by("owner").values_list("owner", "currency")
        assert list(opened) == [(dora.pk, "USD"), (emil.pk, "USD")]
        assert not OwedWallet.objects.exists()


def test_who_is_owed_nothing_gets_nothing() -> None:
    dora = newcomer("dora")
    OwedWallet.objects.all().delete()
    wallet_owed_open(owner_id=dora.pk)
    assert not Wallet.objects.filter(owner=dora).exists()


def test_who_has_opened_it_by_hand_is_owed_none_any_more() -> None:
    dora = newcomer("dora")
    wallet_open(owner=dora, currency="USD")
    wallet_owed_open(owner_id=dora.pk)
    assert Wallet.objects.filter(owner=dora).count() == 1
    assert not OwedWallet.objects.exists()


def test_what_cannot_be_opened_now_is_owed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    dora = newcomer("dora")

    def fails(**_: object) -> None:
        raise WalletError(ErrorCode.UNAVAILABLE)

    monkeypatch.setattr("wallets.services.wallet_open_first", fails)
    with pytest.raises(WalletError), transaction.atomic():
        wallet_owed_open(owner_id=dora.pk)
    assert OwedWallet.objects.filter(owner=dora).exists()


def test_an_account_that_is_not_made_is_owed_nothing() -> None:
    newcomer("dora")
    with pytest.raises(WalletError):
        newcomer("dora")
    assert OwedWallet.objects.count() == 1
