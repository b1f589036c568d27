"""Makes poison jobs: damages a wallet's books behind the guards, so that the guards refuse every posting on it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.database import superuser_name
from tests.settlement.locks import outside_connection
from wallets.models import Wallet


def wallet_spoil(wallet: Wallet) -> None:
    """Increases the wallet's version without an entry, so that the guard of the chain refuses all further entries."""
    _version_shift(wallet, 7)


def wallet_heal(wallet: Wallet) -> None:
    """Repairs a damaged wallet."""
    _version_shift(wallet, -7)


@contextmanager
def wallet_spoiled(wallet: Wallet) -> Iterator[None]:
    wallet_spoil(wallet)
    yield
    wallet_heal(wallet)


def _version_shift(wallet: Wallet, by: int) -> None:
    with outside_connection(role=superuser_name()) as stranger:
        stranger.execute("SET session_replication_role = replica")
        stranger.execute("UPDATE wallets_wallet SET version = version + %s WHERE id = %s", [by, wallet.id])
