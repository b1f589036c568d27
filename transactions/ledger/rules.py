"""The rules about money, as pure functions. They say why a command must be refused.

The order of the checks is part of the contract: a command that breaks several rules is always refused for the first
of them. The database enforces the same rules a second time (CHECK constraints and migration 0002).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from transactions.ledger.commands import Command
from transactions.models import Kind, Transaction
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.limits import MEMO_LENGTH_MAX, idempotency_key_fits
from wallets.domain.money import AMOUNT_MAX, AMOUNT_MIN, BALANCE_MAX, amount_format
from wallets.domain.spending import Spending, spending_error
from wallets.domain.text import text_storable
from wallets.models import WalletStatus

#: Which sides each kind has: (source, destination).
_SIDES = {Kind.DEPOSIT: (False, True), Kind.WITHDRAWAL: (True, False), Kind.TRANSFER: (True, True)}


class Side(Protocol):
    """A wallet, as far as the rules that do not depend on its balance need it."""

    @property
    def currency(self) -> str: ...
    @property
    def status(self) -> str: ...


class SideWithBalance(Side, Protocol):
    """A wallet, as far as all rules need it. The balance is in minor units. `spending` is None without limits."""

    @property
    def balance(self) -> int: ...
    @property
    def spending(self) -> Spending | None: ...


@dataclass(slots=True)
class LockedWallet:
    """A wallet whose row is locked by this database transaction. Money is in minor units."""

    id: int
    currency: str
    status: str
    balance: int
    version: int
    updated_at: datetime
    spending: Spending | None

    @property
    def spent(self) -> int | None:
        return self.spending.spent if self.spending else None

    @property
    def spent_on(self) -> date | None:
        return self.spending.spent_on if self.spending else None


def command_error(command: Command) -> WalletError | None:
    """Why the command is refused without a look at its wallets; None if it is well formed."""
    if not AMOUNT_MIN <= command.amount <= AMOUNT_MAX:
        return _malformed("amount", f"An amount is a whole number from {AMOUNT_MIN} to {AMOUNT_MAX}.")
    # Checked here, because the database would refuse the whole list for one text that it cannot store.
    if len(command.memo) > MEMO_LENGTH_MAX or not text_storable(command.memo):
        return _malformed("memo", f"A memo has at most {MEMO_LENGTH_MAX} characters, and no NUL or half a character.")
    if not idempotency_key_fits(command.idempotency_key):
        return _malformed("idempotency_key", "An idempotency key has 1 to 255 visible ASCII characters.")
    if (command.source_id is not None, command.destination_id is not None) != _SIDES[command.kind]:
        return _malformed("kind", f"A {command.kind} does not have these sides.")
    if command.source_id == command.destination_id:
        return WalletError(ErrorCode.SAME_WALLET, "Money cannot be sent from a wallet to itself.")
    return None


def posting_error(
    command: Command, *, source: SideWithBalance | None, destination: SideWithBalance | None, now: datetime
) -> WalletError | None:
    """Why these wallets do not allow a well-formed command at this time; None if it must succeed."""
    if command.source_id is not None and source is None:
        return WalletError(ErrorCode.NOT_FOUND, "The source wallet does not exist.")
    if command.destination_id is not None and destination is None:
        return WalletError(ErrorCode.NOT_FOUND, "The destination wallet does not exist.")
    error = sides_error(source=source, destination=destination) or (source and source_error(command, source, now=now))
    if error:
        return error
    if destination is None:
        return None
    if command.kind == Kind.DEPOSIT:
        return _status_error("destination", destination) or _limit_error(command, destination)
    return _recipient_error(command, destination)


def sides_error(*, source: Side | None, destination: Side | None) -> WalletError | None:
    """Why money cannot go from the source to the destination, as far as the sender may know before anything is posted:
    it depends neither on a balance nor on the state of the recipient's wallet.

    A v2 transfer is checked when it is accepted, and again when it settles.
    """
    if source and destination and source.currency != destination.currency:
        return WalletError(
            ErrorCode.CURRENCY_MISMATCH,
            f"The source holds {source.currency}, the destination {destination.currency}.",
        )
    return _status_error("source", source) if source else None


def source_error(command: Command, source: SideWithBalance, *, now: datetime) -> WalletError | None:
    """Why the source cannot pay: a limit that its owner has set, or not enough money. The limit comes first, because no
    deposit helps against it."""
    error = spending_error(source.spending, command.amount, currency=source.currency, now=now)
    return error or _funds_error(command, source)


def _funds_error(command: Command, source: SideWithBalance) -> WalletError | None:
    if source.balance >= command.amount:
        return None
    return WalletError(
        ErrorCode.INSUFFICIENT_FUNDS,
        f"The wallet holds {amount_format(source.balance, currency=source.currency)}; "
        f"{amount_format(command.amount, currency=source.currency)} is needed.",
    )


def _recipient_error(command: Command, destination: SideWithBalance) -> WalletError | None:
    """One code and one sentence for a frozen, closed or full wallet, so that a refusal reveals neither the state nor
    the balance of somebody else's wallet. It comes last, so only a sender who could pay learns even this."""
    if _status_error("destination", destination) or _limit_error(command, destination):
        return WalletError(ErrorCode.RECIPIENT_CANNOT_RECEIVE)
    return None


def _status_error(name: str, wallet: Side) -> WalletError | None:
    if wallet.status == WalletStatus.CLOSED:
        return WalletError(ErrorCode.WALLET_CLOSED, f"The {name} wallet is closed.")
    if wallet.status == WalletStatus.FROZEN:
        return WalletError(ErrorCode.WALLET_FROZEN, f"The {name} wallet is frozen.")
    return None


def _limit_error(command: Command, destination: SideWithBalance) -> WalletError | None:
    if destination.balance + command.amount <= BALANCE_MAX:
        return None
    return WalletError(ErrorCode.BALANCE_LIMIT_EXCEEDED, "The destination wallet would hold more than a wallet may.")


def replay_error(command: Command, stored: Transaction) -> WalletError | None:
    """The error that names every field in which the command differs from the stored request; None if none does."""
    pairs = {
        "kind": (command.kind, stored.kind),
        "source": (command.source_id, stored.source_id),
        "destination": (command.destination_id, stored.destination_id),
        "amount": (command.amount, stored.amount),
        "memo": (command.memo, stored.memo),
    }
    differing = [name for name, (requested, kept) in pairs.items() if requested != kept]
    if not differing:
        return None
    return WalletError(
        ErrorCode.IDEMPOTENCY_KEY_REUSED,
        f"This idempotency key was used for a request with a different {', '.join(differing)}.",
        fields={name: ["differs from the request first made with this key"] for name in differing},
    )


def _malformed(field: str, message: str) -> WalletError:
    return WalletError(ErrorCode.MALFORMED, message, fields={field: [message]})
