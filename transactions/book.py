"""What the doors ask about money that moves, wherever the books are: in this process's database, or with the wallet
service. The upper floor of `wallets.book`: `settings.MONEY_BOOK` names who answers, once for the life of the process.
"""

from collections.abc import Sequence
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from kit.cache.ahead import Ahead
from kit.http.bodies import Body
from transactions import previews, reads, selectors, services
from transactions.models import Transaction
from transactions.previews import Preview
from transactions.reads import HistoryPage, UnmovedTransfers
from transactions.routes import TransferRequest
from transactions.selectors import HistoryQuery
from transactions.services import Receipt
from wallets.domain.errors import WalletError
from wallets.models import User
from wallets.selectors import WalletHead


class MoneyBook(Protocol):
    """The questions. Each raises WalletError, as the function of the same name below does."""

    def deposit_create(
        self, *, actor: User, wallet_id: int, amount: int, memo: str = "", idempotency_key: str | None = None
    ) -> Receipt: ...

    def withdrawal_create(
        self, *, actor: User, wallet_id: int, amount: int, memo: str = "", idempotency_key: str | None = None
    ) -> Receipt: ...

    def transfer_create(
        self,
        *,
        actor: User,
        source_id: int,
        destination_id: int | None = None,
        recipient: str | None = None,
        amount: int,
        memo: str = "",
        idempotency_key: str | None = None,
    ) -> Receipt: ...

    def transfer_submit(self, *, actor: User, request: TransferRequest) -> Receipt: ...

    def transfers_submit(self, *, actor: User, requests: Sequence[TransferRequest]) -> list[Receipt | WalletError]: ...

    def transfer_preview(
        self,
        *,
        actor: User,
        source_id: int,
        destination_id: int | None = None,
        recipient: str = "",
        amount: int,
        memo: str = "",
    ) -> Preview: ...

    def transaction_ahead(self, transaction_id: int) -> Ahead: ...

    def transaction_body(self, *, user: User, transaction_id: int, ahead: Ahead | None = None) -> Body: ...

    def transaction_read(self, *, user: User, transaction_id: int) -> Transaction: ...

    def transaction_list_by_key(self, *, user: User, idempotency_key: str) -> list[Transaction]: ...

    def history_ahead(self, wallet_id: int) -> Ahead: ...

    def history_body(self, *, wallet: WalletHead, query: HistoryQuery, ahead: Ahead | None = None) -> Body: ...

    def history_page(self, *, wallet: WalletHead, query: HistoryQuery) -> HistoryPage: ...

    def unmoved_read(self, *, wallet: WalletHead) -> UnmovedTransfers:
        """Read it before the head and the entries that are shown: see `reads.unmoved_read`."""


def _unmoved_read(*, wallet: WalletHead) -> UnmovedTransfers:
    return reads.unmoved_read(wallet_id=wallet.id)


class LocalMoneyBook:
    """The books in this process's own database."""

    deposit_create = staticmethod(services.deposit_create)
    withdrawal_create = staticmethod(services.withdrawal_create)
    transfer_create = staticmethod(services.transfer_create)
    transfer_submit = staticmethod(services.transfer_submit)
    transfers_submit = staticmethod(services.transfers_submit)
    transfer_preview = staticmethod(previews.transfer_preview)
    transaction_ahead = staticmethod(reads.transaction_ahead)
    transaction_body = staticmethod(reads.transaction_body)
    transaction_read = staticmethod(reads.transaction_read)
    transaction_list_by_key = staticmethod(selectors.transaction_list_by_key)
    history_ahead = staticmethod(reads.history_ahead)
    history_body = staticmethod(reads.history_body)
    history_page = staticmethod(reads.history_page)
    unmoved_read = staticmethod(_unmoved_read)


_book: MoneyBook = import_string(settings.MONEY_BOOK)()

deposit_create = _book.deposit_create
withdrawal_create = _book.withdrawal_create
transfer_create = _book.transfer_create
transfer_submit = _book.transfer_submit
transfers_submit = _book.transfers_submit
transfer_preview = _book.transfer_preview
transaction_ahead = _book.transaction_ahead
transaction_body = _book.transaction_body
transaction_read = _book.transaction_read
transaction_list_by_key = _book.transaction_list_by_key
history_ahead = _book.history_ahead
history_body = _book.history_body
history_page = _book.history_page
unmoved_read = _book.unmoved_read
