"""Under which names the cache keeps what changes when money moves. Writers fence these names, readers ask for them."""

from collections.abc import Iterable
from typing import Protocol


def transaction_name(transaction_id: int) -> str:
    """A transaction. It changes once: when one that was accepted is settled."""
    return f"transaction:{transaction_id}"


def unposted_name(wallet_id: int) -> str:
    """What is on its way out of a wallet, and what failed lately."""
    return f"unmoved:{wallet_id}"


class Settled(Protocol):
    """An accepted transaction that has got its outcome."""

    @property
    def id(self) -> int: ...
    @property
    def source_id(self) -> int | None: ...


def settled_names(transactions: Iterable[Settled]) -> list[str]:
    """What changes when these accepted transactions are settled, apart from the wallets."""
    names: dict[str, None] = {}
    for transaction in transactions:
        names[transaction_name(transaction.id)] = None
        if transaction.source_id is not None:
            names[unposted_name(transaction.source_id)] = None
    return list(names)
