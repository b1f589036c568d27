"""What the ledger is asked to do, and what it answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from transactions.models import Kind, Status, Transaction
from wallets.domain.errors import WalletError
from wallets.node_leases import snowflake_next


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Move `amount` minor units. A missing source or destination is the outside world, as `kind` demands.

    `idempotency_key` is unique for one initiator: the same command under the same key moves money once.
    `accepted_id` names the pending transaction that this command settles; None posts a new one.
    """

    kind: Kind
    amount: int
    source_id: int | None = None
    destination_id: int | None = None
    initiator_id: int
    memo: str = ""
    idempotency_key: str | None = None
    accepted_id: int | None = None


@dataclass(slots=True)
class Accepted:
    """What the ledger needs to know of an accepted transaction, and its outcome. Not a model instance: a thousand of
    those cost more than all the rest that is done under the wallets' locks."""

    id: int
    status: str
    source_id: int | None
    currency: str
    failure_code: str = ""
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer to one command: a transaction (an `accepted` one for a command that settles it), or the error that
    refused it. Never both, never neither.

    `replayed` says that the command was carried out before, under the same idempotency key or as the same accepted
    transaction, and not again now. `on_record`: with this error an accepted transfer has failed, for good.
    """

    transaction: Transaction | None = None
    accepted: Accepted | None = None
    error: WalletError | None = None
    replayed: bool = False
    on_record: bool = False


def wallets_of(commands: Iterable[Command]) -> set[int]:
    """The ids of the wallets that they ask something of."""
    return {id_ for command in commands for id_ in (command.source_id, command.destination_id) if id_ is not None}


def command_transaction(command: Command, *, status: Status, currency: str, created_at: datetime) -> Transaction:
    """A new transaction, not yet on record, that says what the command asks for.

    Raises ClockError and LeaseError where no id can be made.
    """
    return Transaction(
        id=snowflake_next(),
        kind=command.kind,
        status=status,
        currency=currency,
        amount=command.amount,
        source_id=command.source_id,
        destination_id=command.destination_id,
        memo=command.memo,
        initiator_id=command.initiator_id,
        idempotency_key=command.idempotency_key,
        created_at=created_at,
    )
