"""Names of the cached objects that change when money moves. Writers fence these names; readers look them up."""

from collections.abc import Iterable
from typing import Protocol


def transaction_name(transaction_id: int) -> str:
    """A transaction. It changes once, and only if it was accepted asynchronously: when it settles."""
    return f"transaction:{transaction_id}"


def unposted_name(wallet_id: int) -> str:
    """A wallet's unposted transfers: pending ones, and those that failed in the last days."""
    return f"unmoved:{wallet_id}"


class Settled(Protocol):
    """An accepted transaction that now has its outcome."""

    @property
    def id(self) -> int: ...
    @property
    def source_id(self) -> int | None: ...


def settled_names(transactions: Iterable[Settled]) -> list[str]:
    """The names that change when these accepted transactions settle, without those of the wallets."""
    names: dict[str, None] = {}
    for transaction in transactions:
        names[transaction_name(transaction.id)] = None
        if transaction.source_id is not None:
            names[unposted_name(transaction.source_id)] = None
    return list(names)
