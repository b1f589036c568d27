"""A transfer as it would go, for a person to look at before it goes. Nothing is locked and nothing is promised."""

from dataclasses import dataclass

from transactions.ledger.commands import Command
from transactions.ledger.rules import command_error, posting_error
from transactions.models import Kind
from wallets.models import User, Wallet
from wallets.selectors import destination_wallet_get, recipient_wallet_get, wallet_get


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Both sides, and what the source would hold afterwards, in minor units."""

    source: Wallet
    destination: Wallet
    amount: int
    memo: str

    @property
    def balance_after(self) -> int:
        return self.source.balance - self.amount


def transfer_preview(
    *,
    actor: User,
    source_id: int,
    destination_id: int | None = None,
    recipient: str = "",
    amount: int,
    memo: str = "",
) -> Preview:
    """What sending would do, by the ledger's own rules on the balances of this moment.

    The destination is a wallet, or else a recipient's. Raises the WalletError that posting would answer with now.
    """
    source = wallet_get(owner=actor, wallet_id=source_id)
    if destination_id is None:
        destination = recipient_wallet_get(name=recipient, currency=source.currency)
    else:
        destination = destination_wallet_get(wallet_id=destination_id)
    command = Command(
        kind=Kind.TRANSFER,
        amount=amount,
        source_id=source.id,
        destination_id=destination.id,
        initiator_id=actor.pk,
        memo=memo,
    )
    error = command_error(command) or posting_error(command, source=source, destination=destination)
    if error:
        raise error
    return Preview(source=source, destination=destination, amount=amount, memo=memo)
