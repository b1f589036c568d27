"""The gateway for wallets: what entry points ask, whether this process's database or the wallet service answers.

Pages and REST call these functions; `settings.WALLET_BOOK` names the class that answers. It is bound once, at the first
import, so that a call costs no more than calling the selector or service directly. Code that always runs beside the
books (the wallet service itself, tasks, commands, admin) calls `selectors` and `services`.
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
    """The functions. Each raises WalletError like the function of the same name in `selectors` or `services`."""

    def wallet_head_ahead(self, wallet_id: int) -> Ahead: ...

    def wallet_head_get(self, *, owner: User, wallet_id: int, ahead: Ahead | None = None) -> WalletHead: ...

    def wallet_head_list(self, *, owner: User) -> list[WalletHead]: ...

    def wallet_list(self, *, owner: User) -> Sequence[Wallet]:
        """A user's wallets, oldest first, from Postgres. For forms that move money."""

    def wallet_open(self, *, owner: User, currency: str) -> Wallet: ...

    def wallet_open_first(self, *, owner: User) -> None:
        """Opens the wallet that every account starts with, in the database transaction that creates the account."""


class LocalWalletBook:
    """The wallets in this process's own database."""

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
