"""A typed client of the wallet's gRPC service that retries safely."""

from wallet_client.client import WalletClient
from wallet_client.errors import WalletError
from wallet_client.types import Entry, Failure, Money, NewTransfer, Page, Receipt, Side, Transaction, Wallet

__all__ = [
    "Entry",
    "Failure",
    "Money",
    "NewTransfer",
    "Page",
    "Receipt",
    "Side",
    "Transaction",
    "Wallet",
    "WalletClient",
    "WalletError",
]
