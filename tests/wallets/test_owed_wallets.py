"""Accounts created by a process without rights on wallets get their first wallet later, exactly once."""

import pytest
from django.db import transaction

from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import OwedWallet, User, Wallet
from wallets.services import user_register, wallet_open, wallet_owe, wallet_owed_open
from wallets.tasks import wallets_owed_task

pytestmark = pytest.mark.django_db


def newcomer(name: str) -> User:
    return user_register(
        username=name, email=f"{name}@example.com", password="seven quiet lanterns", wallet_open_first=wallet_owe
    )


def test_the_sweep_opens_every_missing_wallet_once() -> None:
    dora, emil = newcomer("dora"), newcomer("emil")
    assert not Wallet.objects.filter(owner__isnull=False).exists()
    for _ in range(2):
        wallets_owed_task()
        opened = Wallet.objects.filter(owner__isnull=False).order_by("owner").values_list("owner", "currency")
        assert list(opened) == [(dora.pk, "USD"), (emil.pk, "USD")]
        assert not OwedWallet.objects.exists()


def test_an_account_without_a_record_gets_no_wallet() -> None:
    dora = newcomer("dora")
    OwedWallet.objects.all().delete()
    wallet_owed_open(owner_id=dora.pk)
    assert not Wallet.objects.filter(owner=dora).exists()


def test_an_owner_who_has_opened_the_wallet_gets_no_second_one() -> None:
    dora = newcomer("dora")
    wallet_open(owner=dora, currency="USD")
    wallet_owed_open(owner_id=dora.pk)
    assert Wallet.objects.filter(owner=dora).count() == 1
    assert not OwedWallet.objects.exists()


def test_the_record_stays_if_the_wallet_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    dora = newcomer("dora")

    def fails(**_: object) -> None:
        raise WalletError(ErrorCode.UNAVAILABLE)

    monkeypatch.setattr("wallets.services.wallet_open_first", fails)
    with pytest.raises(WalletError), transaction.atomic():
        wallet_owed_open(owner_id=dora.pk)
    assert OwedWallet.objects.filter(owner=dora).exists()


def test_an_account_that_is_not_created_leaves_no_record() -> None:
    newcomer("dora")
    with pytest.raises(WalletError):
        newcomer("dora")
    assert OwedWallet.objects.count() == 1
