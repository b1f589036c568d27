"""Which of a person's wallets a page stands at."""

from collections.abc import Sequence
from typing import TypeVar

from django.http import Http404, HttpRequest

from transactions.gateway.local import gateway
from wallets.models import User, Wallet, WalletStatus
from wallets.selectors import WalletView

W = TypeVar("W", Wallet, WalletView)


def wallets_of(user: User) -> list[Wallet]:
    """From Postgres: for forms, by which money moves."""
    return list(gateway().wallet_list(owner=user))


def wallet_views_of(user: User) -> list[WalletView]:
    """Out of the cache: for what is only looked at."""
    return gateway().wallet_view_list(owner=user)


def wallet_of(request: HttpRequest, wallets: Sequence[W]) -> W | None:
    """The one named by ?wallet=, or the first that moves money, or none where there is none.

    A wallet of somebody else's is not there.
    """
    asked = request.GET.get("wallet")
    if asked is None:
        return next((wallet for wallet in wallets if wallet.status == WalletStatus.OPEN), next(iter(wallets), None))
    for wallet in wallets:
        if str(wallet.id) == asked:
            return wallet
    raise Http404("You have no such wallet.")
