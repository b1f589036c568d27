"""Real poison: a wallet whose books were damaged past every guard, so that no posting on it is let through."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.settlement.locks import outside_connection
from wallets.models import Wallet


def wallet_spoil(wallet: Wallet) -> None:
    """Moves the wallet's version on without an entry: the guard of the chain refuses whatever would follow."""
    _version_shift(wallet, 7)


def wallet_heal(wallet: Wallet) -> None:
    _version_shift(wallet, -7)


@contextmanager
def wallet_spoiled(wallet: Wallet) -> Iterator[None]:
    wallet_spoil(wallet)
    yield
    wallet_heal(wallet)


def _version_shift(wallet: Wallet, by: int) -> None:
    with outside_connection() as stranger:
        stranger.execute("SET session_replication_role = replica")
        stranger.execute("UPDATE wallets_wallet SET version = version + %s WHERE id = %s", [by, wallet.id])
