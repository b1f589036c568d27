"""Previews: what a transfer would do, for its sender to review. A preview locks nothing and reserves nothing.

It says nothing about the recipient's wallet but that there is one. Whoever could ask whether a transfer would fit could
find out the balance.
"""

from dataclasses import dataclass

from django.utils import timezone

from transactions.ledger.commands import Command
from transactions.ledger.rules import command_error, sides_error, source_error
from transactions.models import Kind
from transactions.recipients import TransferRequest, transfer_resolve
from transactions.selectors import payment_exists
from wallets.models import User, Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Both sides, the amount in minor units, and the memo. `recipient_name` is what the recipient wants to be called;
    `is_first_payment`: the sender has never paid them."""

    source: Wallet
    destination: Wallet
    amount: int
    memo: str
    recipient_name: str
    is_first_payment: bool

    @property
    def balance_after(self) -> int:
        """The source's balance after the transfer, in minor units."""
        return self.source.balance - self.amount


def transfer_preview(*, actor: User, request: TransferRequest) -> Preview:
    """Applies the ledger's rules to the sender's side. Raises the WalletError with which posting would refuse the
    transfer now, except RECIPIENT_CANNOT_RECEIVE. Does not look up the idempotency key."""
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
    error = (
        command_error(command)
        or sides_error(source=source, destination=destination)
        or source_error(command, source, now=timezone.now())
    )
    if error:
        raise error
    owner = destination.owner
    assert owner is not None  # noqa: S101 - nobody sends to the outside world
    return Preview(
        source=source,
        destination=destination,
        amount=request.amount,
        memo=request.memo,
        recipient_name=owner.shown_name,
        is_first_payment=not payment_exists(payer_id=actor.pk, payee_id=owner.pk),
    )
