"""What the doors ask about wallets, wherever those are kept: in this process's database, or with the wallet service.

Pages and REST ask here; `settings.WALLET_BOOK` names who answers. Bound once, when the first door is imported, so that
asking this database costs what calling it costs. Whoever has rights on the books by nature (the wallet service itself,
tasks, commands, admin) asks `selectors` and `services`.
"""

from collections.abc import Sequence
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from kit.cache.ahead import Ahead
from wallets import selectors, services
from wallets.models import User, Wallet
from wallets.selectors import WalletHead


class WalletBook(Protocol):
    """The questions. Each raises WalletError, as the function of the same name in `selectors` or `services` does."""

    def wallet_head_ahead(self, wallet_id: int) -> Ahead: ...

    def wallet_head_get(self, *, owner: User, wallet_id: int, ahead: Ahead | None = None) -> WalletHead: ...

    def wallet_head_list(self, *, owner: User) -> list[WalletHead]: ...

    def wallet_list(self, *, owner: User) -> Sequence[Wallet]:
        """A user's wallets, oldest first, from Postgres: for forms, by which money moves."""

    def wallet_open(self, *, owner: User, currency: str) -> Wallet: ...

    def wallet_open_first(self, *, owner: User) -> None:
        """The wallet that every account starts with; called in the database transaction that makes the account."""


class LocalWalletBook:
    """The wallets of this process's own database."""

    wallet_head_ahead = staticmethod(selectors.wallet_head_ahead)
    wallet_head_get = staticmethod(selectors.wallet_head_get)
    wallet_head_list = staticmethod(selectors.wallet_head_list)
    wallet_list = staticmethod(selectors.wallet_list)
    wallet_open = staticmethod(services.wallet_open)
    wallet_open_first = staticmethod(services.wallet_open_first)


_book: WalletBook = import_string(settings.WALLET_BOOK)()

wallet_head_ahead = _book.wallet_head_ahead
wallet_head_get = _book.wallet_head_get
wallet_head_list = _book.wallet_head_list
wallet_list = _book.wallet_list
wallet_open = _book.wallet_open
wallet_open_first = _book.wallet_open_first
