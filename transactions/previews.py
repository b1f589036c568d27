"""Previews: what a transfer would do, for its sender to review. A preview locks nothing and reserves nothing."""

from dataclasses import dataclass

from transactions.ledger.commands import Command
from transactions.ledger.rules import command_error, posting_error
from transactions.models import Kind
from transactions.recipients import TransferRequest, transfer_resolve
from wallets.models import User, Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Both sides, the amount in minor units, and the memo."""

    source: Wallet
    destination: Wallet
    amount: int
    memo: str

    @property
    def balance_after(self) -> int:
        """The source's balance after the transfer, in minor units."""
        return self.source.balance - self.amount


def transfer_preview(*, actor: User, request: TransferRequest) -> Preview:
    """Applies the ledger's rules to the current balances. Raises the WalletError with which posting would refuse the
    transfer now. Does not look up the idempotency key."""
    sides = transfer_resolve(actor=actor, request=request)
    wallets = Wallet.objects.select_related("owner").in_bulk([sides.source.id, sides.destination.id])
    source, destination = wallets[sides.source.id], wallets[sides.destination.id]
    command = Command(
        kind=Kind.TRANSFER,
        amount=request.amount,
        source_id=source.id,
        destination_id=destination.id,
        initiator_id=actor.pk,
        memo=request.memo,
    )
    error = command_error(command) or posting_error(command, source=source, destination=destination)
    if error:
        raise error
    return Preview(source=source, destination=destination, amount=request.amount, memo=request.memo)
