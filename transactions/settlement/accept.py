"""Accepting transfers: writes the pending transactions and their jobs, and commits both before the 202 is sent."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import attrgetter

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from kit.cache.protocol import cache_fence, cache_replayed
from transactions.ledger.arrays import array_literal
from transactions.ledger.commands import Command, Outcome, command_transaction
from transactions.ledger.post import requests_find
from transactions.ledger.record import REQUEST_FIELDS
from transactions.ledger.rules import command_error, replay_error, sides_error
from transactions.models import Status, Transaction
from transactions.names import unposted_name
from transactions.settlement.partitions import partition_of
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.mandates import OWNER, Mandate
from wallets.domain.spending import Spending, spending_error
from wallets.models import Wallet
from wallets.tokens.ceilings import LockedCeilings, ceilings_lock

# ON CONFLICT: if a request with the same key has committed since the lookup, that request wins and this is a replay.
# ORDER BY: jobs get their numbers in the order of the list, and settle in that order.
_ACCEPT_SQL = """
WITH accepted AS (
    INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id, destination_id, memo,
        initiator_id, idempotency_key, created_at, by_email, failure_code)
    SELECT id, kind, 'pending', currency, amount, source_id, destination_id, memo,
        initiator_id, idempotency_key, created_at, by_email, ''
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
        %s::bigint[], %s::text[], %s::timestamptz[], %s::boolean[]) AS new (id, kind, currency, amount, source_id,
        destination_id, memo, initiator_id, idempotency_key, created_at, by_email)
    ON CONFLICT (initiator_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id, source_id
), queued AS (
    INSERT INTO transactions_job (transaction_id, source_id, partition)
    SELECT accepted.id, accepted.source_id, new.partition
    FROM unnest(%s::bigint[], %s::smallint[]) WITH ORDINALITY AS new (id, partition, place)
    JOIN accepted ON accepted.id = new.id ORDER BY new.place
)
SELECT id FROM accepted
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A transfer to accept, and its wallets, read without a lock."""

    command: Command
    source: Wallet
    destination: Wallet
    spending: Spending | None = None


def transfers_accept(requests: Sequence[Request], *, mandate: Mandate = OWNER) -> list[Outcome]:
    """Accepts transfers. Returns one outcome per request, in order: a pending transaction, a stored one, or an error.

    Accepted transfers are committed when this function returns. Each ends as posted or failed, even if processes crash
    afterwards. The outcome of a used idempotency key is the stored transaction (`replayed`) or
    IDEMPOTENCY_KEY_REUSED.

    What is accepted counts against the ceilings of the mandate's token, one transfer after another.

    If it raises, nothing was accepted. Raises what `ceilings_lock` raises, IDEMPOTENCY_IN_PROGRESS if a request that
    has not committed yet holds one of the keys, and OperationalError, ClockError or LeaseError if the database or the
    clock fails.
    """
    commands = [request.command for request in requests]
    # Durable: inside the caller's database transaction, a rollback could still undo what was answered as accepted.
    with transaction.atomic(durable=True):
        # Before the lookup, so that a repeated request that waits here finds what the first one has stored.
        ceilings = ceilings_lock(mandate=mandate)
        acceptance = _Acceptance(stored=requests_find(commands), ceilings=ceilings)
        outcomes = [acceptance.apply(request) for request in requests]
        inserted = acceptance.insert()
        acceptance.spend(inserted)
        if any(outcome.replayed for outcome in outcomes):
            cache_replayed({unposted_name(c.source_id) for c in commands if c.source_id})
        cache_fence({unposted_name(t.source_id) for t in acceptance.new if t.source_id})
    if len(inserted) == len(acceptance.new):
        return outcomes
    return _replays(commands, outcomes, inserted)


class _Acceptance:
    """Collects the accepted commands in memory; `insert` writes them. It neither locks nor reads wallets."""

    def __init__(self, *, stored: dict[tuple[int, str], Transaction], ceilings: LockedCeilings | None) -> None:
        self._stored = stored
        self._ceilings = ceilings
        self._now = timezone.now()
        self.new: list[Transaction] = []

    def apply(self, request: Request) -> Outcome:
        command = request.command
        error = command_error(command)
        if error:
            return Outcome(error=error)
        stored = self._stored.get((command.initiator_id, command.idempotency_key or ""))
        if stored:
            return _replay(command, stored)
        error = (
            self._ceiling_error(request)
            or sides_error(source=request.source, destination=request.destination)
            or self._spending_error(request)
        )
        if error:
            return Outcome(error=error)
        return Outcome(transaction=self._accept(command, request.source.currency))

    def insert(self) -> set[int]:
        """Writes transactions and jobs, and returns the ids written. An id is missing if another request with the same
        key committed first."""
        if not self.new:
            return set()
        fields = {**REQUEST_FIELDS, "by_email": "boolean"}
        columns = [array_literal(map(attrgetter(field), self.new), of=type_) for field, type_ in fields.items()]
        ids = array_literal((row.id for row in self.new), of="bigint")
        partitions = array_literal((partition_of(row.source_id or 0) for row in self.new), of="smallint")
        with connection.cursor() as cursor:
            try:
                cursor.execute(_ACCEPT_SQL, [*columns, ids, partitions])
            except OperationalError as error:
                # The only lock that this statement waits for is that of an uncommitted request with the same key.
                if isinstance(error.__cause__, LockNotAvailable):
                    raise WalletError(ErrorCode.IDEMPOTENCY_IN_PROGRESS, retry_after_s=1) from error
                raise
            return {row[0] for row in cursor.fetchall()}

    def spend(self, inserted: Collection[int]) -> None:
        """Counts what was accepted against the token's ceilings, without replays that were found late."""
        if self._ceilings is None:
            return
        for accepted in self.new:
            if accepted.id not in inserted:
                self._ceilings.give_back(currency=accepted.currency, amount=accepted.amount)
        self._ceilings.write()

    def _ceiling_error(self, request: Request) -> WalletError | None:
        if self._ceilings is None:
            return None
        return self._ceilings.error(currency=request.source.currency, amount=request.command.amount)

    def _spending_error(self, request: Request) -> WalletError | None:
        amount, currency = request.command.amount, request.source.currency
        return spending_error(request.spending, amount, currency=currency, now=self._now)

    def _accept(self, command: Command, currency: str) -> Transaction:
        accepted = command_transaction(command, status=Status.PENDING, currency=currency, created_at=self._now)
        self.new.append(accepted)
        if self._ceilings is not None:
            self._ceilings.take(currency=currency, amount=command.amount)
        if command.idempotency_key is not None:
            self._stored[command.initiator_id, command.idempotency_key] = accepted
        return accepted


def _replays(commands: Sequence[Command], outcomes: Sequence[Outcome], inserted: set[int]) -> list[Outcome]:
    """Turns outcomes into replays if another request with the same key committed between our lookup and our insert."""
    stored = requests_find(commands)
    known = inserted | {found.id for found in stored.values()}
    return [
        outcome
        if outcome.transaction is None or outcome.transaction.id in known
        else _replay(command, stored[command.initiator_id, command.idempotency_key or ""])
        for command, outcome in zip(commands, outcomes, strict=True)
    ]


def _replay(command: Command, stored: Transaction) -> Outcome:
    """The outcome of a command whose idempotency key belongs to this transaction."""
    error = replay_error(command, stored)
    return Outcome(error=error) if error else Outcome(transaction=stored, replayed=True)
