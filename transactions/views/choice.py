"""Chooses which of a user's wallets a page shows."""

from collections.abc import Sequence
from typing import TypeVar

from django.http import Http404, HttpRequest

from transactions.gateway.local import gateway
from wallets.models import User, Wallet, WalletStatus
from wallets.selectors import WalletView

W = TypeVar("W", Wallet, WalletView)


def wallets_of(user: User) -> list[Wallet]:
    """The user's wallets from Postgres, for forms that move money."""
    return list(gateway().wallet_list(owner=user))


def wallet_views_of(user: User) -> list[WalletView]:
    """The user's wallets from the cache, for pages that only show them."""
    return gateway().wallet_view_list(owner=user)


def wallet_of(request: HttpRequest, wallets: Sequence[W]) -> W | None:
    """The wallet that ?wallet= names. Without the parameter, the first open wallet, or else the first one; None if
    there are no wallets. Raises Http404 for a wallet that is not among these.
    """
    asked = request.GET.get("wallet")
    if asked is None:
        return next((wallet for wallet in wallets if wallet.status == WalletStatus.OPEN), next(iter(wallets), None))
    for wallet in wallets:
        if str(wallet.id) == asked:
            return wallet
    raise Http404("You have no such wallet.")
