"""Commands, which ask the ledger to move money, and outcomes, which answer them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from transactions.models import Kind, Status, Transaction
from wallets.domain.errors import WalletError
from wallets.node_leases import snowflake_next


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Move `amount` minor units from the source to the destination.

    `kind` decides which sides a command has; a side that is None is the outside world. `idempotency_key` is unique per
    initiator: repeated commands with the same key move money once. `accepted_id` is the pending transaction that this
    command settles; if it is None, the command posts a new transaction. `by_email`: the sender named the recipient by
    email.
    """

    kind: Kind
    amount: int
    source_id: int | None = None
    destination_id: int | None = None
    initiator_id: int
    memo: str = ""
    idempotency_key: str | None = None
    accepted_id: int | None = None
    by_email: bool = False


@dataclass(slots=True)
class Accepted:
    """The columns of an accepted transaction that the ledger reads and writes to settle it.

    Not a model instance: a thousand model instances take longer to make than everything else that happens under the
    wallets' locks.
    """

    id: int
    status: str
    source_id: int | None
    currency: str
    failure_code: str = ""
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer to one command. Exactly one of `transaction`, `accepted` and `error` is set.

    `transaction` is what the command posted, `accepted` what it settled, `error` why it was refused.
    `replayed`: no money moved now, because the command was carried out before, under the same idempotency key or as
    the same accepted transaction. `on_record`: the refused command was to settle an accepted transfer, which is now
    stored as failed with this error, for good.
    """

    transaction: Transaction | None = None
    accepted: Accepted | None = None
    error: WalletError | None = None
    replayed: bool = False
    on_record: bool = False


def wallets_of(commands: Iterable[Command]) -> set[int]:
    """The ids of all source and destination wallets of the commands."""
    return {id_ for command in commands for id_ in (command.source_id, command.destination_id) if id_ is not None}


def command_transaction(command: Command, *, status: Status, currency: str, created_at: datetime) -> Transaction:
    """A new, unsaved transaction for the command, with a new id.

    Raises ClockError or LeaseError if no id can be made.
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
        by_email=command.by_email,
    )
