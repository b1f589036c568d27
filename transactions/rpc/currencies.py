"""Checks that the currency in a request is the wallet's: "5 USD" from a wallet of yen is refused.

This is the only rule about money that is decided on cached views. It may be, because a trigger guarantees that a
wallet's currency never changes.
"""

from collections.abc import Iterable, Sequence

from transactions.recipients import TransferRequest
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User
from wallets.selectors import wallet_view_get, wallet_view_list


def currency_check(*, owner: User, wallet_id: int, currency: str) -> None:
    """Raises CURRENCY_MISMATCH, or NOT_FOUND for a wallet that is not the owner's. An empty currency is not checked."""
    if not currency:
        return
    error = _mismatch(currency, wallet_view_get(owner=owner, wallet_id=wallet_id).currency)
    if error:
        raise error


def currencies_check(
    *, owner: User, items: Iterable[pb.TransferItem], parsed: Sequence[TransferRequest | WalletError]
) -> list[TransferRequest | WalletError]:
    """The requests, in order, with CURRENCY_MISMATCH in place of those that name another currency. Does not check
    wallets that are not the owner's: the service refuses those."""
    currencies = {view.id: view.currency for view in wallet_view_list(owner=owner)}
    return [
        request
        if isinstance(request, WalletError)
        else _mismatch(item.amount.currency, currencies.get(request.source_id)) or request
        for item, request in zip(items, parsed, strict=True)
    ]


def _mismatch(named: str, held: str | None) -> WalletError | None:
    if not named or held is None or named == held:
        return None
    return WalletError(ErrorCode.CURRENCY_MISMATCH, f"The amount is in {named}, but the wallet holds {held}.")
