"""Deciding on commands one after another, in memory, while the wallets' locks are held."""

from datetime import datetime

from transactions.ledger.commands import Accepted, Command, Outcome, command_transaction
from transactions.ledger.record import EntryRow, posting_record
from transactions.ledger.rules import LockedWallet, command_error, posting_error, replay_error
from transactions.models import Status, Transaction
from transactions.names import Settled
from wallets.domain.currencies import CURRENCIES
from wallets.domain.errors import ErrorCode, WalletError


class Posting:
    """Applies commands in memory with `apply`; `write` then stores all results with one statement.

    `locked_wallets`: the commands' wallets by id. `requests`: the transactions stored under the commands' idempotency
    keys, by (initiator, key). `accepted`: the transactions that the commands settle, by id. `now`: the time at which
    everything settles.
    """

    def __init__(
        self,
        *,
        locked_wallets: dict[int, LockedWallet],
        requests: dict[tuple[int, str], Transaction],
        accepted: dict[int, Accepted],
        now: datetime,
    ) -> None:
        self._locked_wallets = locked_wallets
        self._requests = requests
        self._accepted = accepted
        self._now = now
        self._changed: dict[int, LockedWallet] = {}
        self._posted: list[Transaction] = []
        self._settled: list[Accepted] = []
        self._entries: list[EntryRow] = []

    @property
    def wallet_ids(self) -> list[int]:
        """The wallets of all commands, including refused ones."""
        return list(self._locked_wallets)

    @property
    def changed_ids(self) -> list[int]:
        """The wallets whose balance changed."""
        return list(self._changed)

    @property
    def settled(self) -> list[Settled]:
        """The accepted transactions that have been posted or failed."""
        return list(self._settled)

    def apply(self, command: Command) -> Outcome:
        """Decides on the command and, unless it is refused or a replay, moves the money in memory."""
        if command.accepted_id is not None:
            return self._settle(command, self._accepted.get(command.accepted_id))

        error = command_error(command)
        if error:
            return Outcome(error=error)
        stored = self._requests.get((command.initiator_id, command.idempotency_key or ""))
        if stored:
            error = replay_error(command, stored)
            return Outcome(error=error) if error else Outcome(transaction=stored, replayed=True)
        error = self._error(command)
        if error:
            return Outcome(error=error)
        return Outcome(transaction=self._post(command))

    def write(self) -> None:
        """Writes everything that was applied, with one statement."""
        posting_record(
            wallets=list(self._changed.values()),
            new=self._posted,
            settled=self._settled,
            entries=self._entries,
        )

    def _post(self, command: Command) -> Transaction:
        """Makes the new transaction. After this point the command must succeed."""
        currency = self._sides(command)[0].currency
        transaction = command_transaction(command, status=Status.POSTED, currency=currency, created_at=self._now)
        transaction.settled_at = self._time(command)
        if command.idempotency_key is not None:
            self._requests[command.initiator_id, command.idempotency_key] = transaction
        self._posted.append(transaction)
        self._move(command, transaction)
        return transaction

    def _settle(self, command: Command, accepted: Accepted | None) -> Outcome:
        """Posts the accepted transaction, or fails it with the reason. A settled one stays as it is."""
        if accepted is None:
            return Outcome(error=WalletError(ErrorCode.NOT_FOUND, "There is no such transaction."))
        if accepted.status != Status.PENDING:
            return Outcome(accepted=accepted, replayed=True)
        error = command_error(command) or self._error(command)
        accepted.status = Status.FAILED if error else Status.POSTED
        accepted.failure_code = error.code if error else ""
        accepted.settled_at = self._time(command)
        self._settled.append(accepted)
        if error:
            return Outcome(error=error, on_record=True)
        self._move(command, accepted)
        return Outcome(accepted=accepted)

    def _error(self, command: Command) -> WalletError | None:
        return posting_error(
            command,
            source=self._locked_wallets.get(command.source_id or 0),
            destination=self._locked_wallets.get(command.destination_id or 0),
            now=self._now,
        )

    def _sides(self, command: Command) -> list[LockedWallet]:
        ids = (command.source_id, command.destination_id)
        return [self._locked_wallets[id_] for id_ in ids if id_ in self._locked_wallets]

    def _time(self, command: Command) -> datetime:
        """The settlement time: now, but never before a wallet's last entry, even if the clock went back.

        So a wallet's entries are always in order of time.
        """
        return max([self._now, *(wallet.updated_at for wallet in self._sides(command))])

    def _move(self, command: Command, transaction: Transaction | Accepted) -> None:
        source = self._locked_wallets[command.source_id] if command.source_id is not None else None
        if source and source.spending:
            source.spending.spend(command.amount, now=self._now)
        self._entry(transaction, command.source_id, -command.amount)
        self._entry(transaction, command.destination_id, command.amount)

    def _entry(self, transaction: Transaction | Accepted, wallet_id: int | None, amount: int) -> None:
        """Changes one side's balance and version in memory, and notes the entry. None is the outside wallet."""
        settled_at = transaction.settled_at
        assert settled_at is not None  # noqa: S101 - only settled transactions have entries
        wallet = self._locked_wallets[wallet_id] if wallet_id is not None else None
        if wallet:
            wallet.balance += amount
            wallet.version += 1
            wallet.updated_at = settled_at
            self._changed[wallet.id] = wallet
        self._entries.append(
            EntryRow(
                transaction_id=transaction.id,
                wallet_id=wallet.id if wallet else CURRENCIES[transaction.currency].numeric,
                sequence=wallet.version if wallet else None,
                amount=amount,
                balance_after=wallet.balance if wallet else None,
                created_at=settled_at,
            )
        )
