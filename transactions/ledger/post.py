"""`post`: the single door through which a balance changes.

Lock the wallets, decide on each command in memory, write everything with one statement, commit.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from transactions.ledger.commands import Command, Outcome
from transactions.ledger.rules import Head, command_error, posting_error, replay_error
from transactions.models import Entry, Status, Transaction
from wallets.domain.currencies import CURRENCIES
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import Wallet
from wallets.node_leases import snowflake_next

# One statement, so that the guards of migration 0002 see the whole posting at once and let nothing less through.
# unnest: the same few round trips for one command and for a thousand.
_WRITE_SQL = """
WITH head AS (
    UPDATE wallets_wallet AS w
    SET balance = h.balance, version = h.version, updated_at = h.updated_at
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[]) AS h (id, balance, version, updated_at)
    WHERE w.id = h.id
), posted AS (
    INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id, destination_id, memo,
        initiator_id, idempotency_key, created_at, settled_at, failure_code)
    SELECT t.id, t.kind, 'posted', t.currency, t.amount, t.source_id, t.destination_id, t.memo,
        t.initiator_id, t.idempotency_key, t.created_at, t.settled_at, ''
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
        %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[])
        AS t (id, kind, currency, amount, source_id, destination_id, memo,
        initiator_id, idempotency_key, created_at, settled_at)
)
INSERT INTO transactions_entry (transaction_id, wallet_id, sequence, amount, balance_after, created_at)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[])
"""
# A join: a condition for each key would cost the planner more than all the rest of a long list.
_REQUESTS_SQL = """
SELECT t.* FROM unnest(%s::bigint[], %s::text[]) AS asked (initiator_id, idempotency_key)
JOIN transactions_transaction AS t USING (initiator_id, idempotency_key)
"""
_HEAD_FIELDS = ("id", "balance", "version", "updated_at")
_TRANSACTION_FIELDS = ("id", "kind", "currency", "amount", "source_id", "destination_id", "memo", "initiator_id",
    "idempotency_key", "created_at", "settled_at")  # fmt: skip
_ENTRY_FIELDS = ("transaction_id", "wallet_id", "sequence", "amount", "balance_after", "created_at")


def post(commands: Sequence[Command], *, at: datetime | None = None) -> list[Outcome]:
    """Carries out the commands one after another, as if each had come alone; one outcome for each, in order.

    A refused command changes nothing and harms none of its neighbours. Everything that is carried out is committed
    together, or with the caller's transaction if there is one. A command whose idempotency key was used before, in
    this list or earlier, moves nothing: it gets the stored transaction back, or an error where it differs.

    `at` dates the posting back, for a history that is written afterwards, such as the demo's; no door passes it on.

    Raises, with nothing changed: WalletError UNAVAILABLE where a wallet stayed locked for longer than the lock
    timeout; IDEMPOTENCY_IN_PROGRESS where a request with the same key did; IntegrityError on
    `transaction_one_per_idempotency_key` where one was committed meanwhile (post again: it is found then);
    OperationalError, ClockError and LeaseError where the database or the clock fails.
    """
    with transaction.atomic():
        posting = _Posting(heads=_heads_lock(commands), requests=_requests_find(commands), now=_moment(at))
        outcomes = [posting.apply(command) for command in commands]
        posting.write()
    return outcomes


def _moment(at: datetime | None) -> datetime:
    now = timezone.now()
    if at is not None and at > now:
        raise ValueError("A posting cannot be dated ahead.")
    return at or now


def _heads_lock(commands: Sequence[Command]) -> dict[int, Head]:
    """The wallets of all commands, locked until the commit.

    The lock stops two postings from deciding on the same balance, and a freeze from slipping in between check and
    write. Ascending ids, so that crossed and ring-shaped transfers queue up instead of deadlocking. NO KEY, because
    the foreign keys of new transactions share-lock these rows and need not wait for a balance to change.
    """
    ids = {id_ for command in commands for id_ in (command.source_id, command.destination_id) if id_ is not None}
    wallets = Wallet.objects.filter(id__in=ids, owner__isnull=False).order_by("id").select_for_update(no_key=True)
    try:
        rows = list(wallets.values_list("id", "currency", "status", "balance", "version", "updated_at"))
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise WalletError(ErrorCode.UNAVAILABLE, "The wallet is busy; try again.", retry_after_s=1) from error
        raise
    return {row[0]: Head(*row) for row in rows}


def _requests_find(commands: Sequence[Command]) -> dict[tuple[int, str], Transaction]:
    """What was stored under the commands' idempotency keys. Read under the wallets' locks, so that of two equal
    requests that race, the second sees what the first one did."""
    keys = {
        (command.initiator_id, command.idempotency_key)
        for command in commands
        if command.idempotency_key is not None and command_error(command) is None
    }
    if not keys:
        return {}
    initiators, texts = zip(*keys, strict=True)
    stored = Transaction.objects.raw(_REQUESTS_SQL, [list(initiators), list(texts)])
    return {(request.initiator_id, request.idempotency_key or ""): request for request in stored}


class _Posting:
    """The commands applied so far, in memory, to wallets whose locks are held; `write` puts them on record."""

    def __init__(self, *, heads: dict[int, Head], requests: dict[tuple[int, str], Transaction], now: datetime) -> None:
        self._heads = heads
        self._requests = requests
        self._now = now
        self._changed: dict[int, Head] = {}
        self._transactions: list[Transaction] = []
        self._entries: list[Entry] = []

    def apply(self, command: Command) -> Outcome:
        error = command_error(command)
        if error:
            return Outcome(error=error)

        stored = self._requests.get((command.initiator_id, command.idempotency_key or ""))
        if stored:
            error = replay_error(command, stored)
            return Outcome(error=error) if error else Outcome(transaction=stored, replayed=True)

        source, destination = self._head(command.source_id), self._head(command.destination_id)
        error = posting_error(command, source=source, destination=destination)
        if error:
            return Outcome(error=error)

        # After this point the command must succeed.
        return Outcome(transaction=self._move(command, source, destination))

    def write(self) -> None:
        if not self._transactions:
            return
        columns = [
            *_columns(list(self._changed.values()), _HEAD_FIELDS),
            *_columns(self._transactions, _TRANSACTION_FIELDS),
            *_columns(self._entries, _ENTRY_FIELDS),
        ]
        with connection.cursor() as cursor:
            try:
                cursor.execute(_WRITE_SQL, columns)
            except OperationalError as error:
                # The wallets are locked already, so only the unique idempotency key is left to wait for.
                if isinstance(error.__cause__, LockNotAvailable):
                    raise WalletError(ErrorCode.IDEMPOTENCY_IN_PROGRESS, retry_after_s=1) from error
                raise

    def _head(self, wallet_id: int | None) -> Head | None:
        return None if wallet_id is None else self._heads.get(wallet_id)

    def _move(self, command: Command, source: Head | None, destination: Head | None) -> Transaction:
        heads = [head for head in (source, destination) if head]
        # Never before a wallet's last entry, even if the clock went back: entries stand in order of time.
        settled_at = max(self._now, *(head.updated_at for head in heads))
        moved = Transaction(
            id=snowflake_next(),
            kind=command.kind,
            status=Status.POSTED,
            currency=heads[0].currency,
            amount=command.amount,
            source_id=command.source_id,
            destination_id=command.destination_id,
            memo=command.memo,
            initiator_id=command.initiator_id,
            idempotency_key=command.idempotency_key,
            created_at=self._now,
            settled_at=settled_at,
        )
        self._transactions.append(moved)
        if command.idempotency_key is not None:
            self._requests[command.initiator_id, command.idempotency_key] = moved
        self._entry(moved, source, -command.amount, settled_at)
        self._entry(moved, destination, command.amount, settled_at)
        return moved

    def _entry(self, moved: Transaction, head: Head | None, amount: int, settled_at: datetime) -> None:
        """One side: the wallet's balance and version move on in memory, and the entry says where to."""
        if head is None:
            outside_id = CURRENCIES[moved.currency].numeric
            self._entries.append(Entry(transaction=moved, wallet_id=outside_id, amount=amount, created_at=settled_at))
            return
        head.balance += amount
        head.version += 1
        head.updated_at = settled_at
        self._changed[head.id] = head
        self._entries.append(
            Entry(
                transaction=moved,
                wallet_id=head.id,
                sequence=head.version,
                amount=amount,
                balance_after=head.balance,
                created_at=settled_at,
            )
        )


def _columns(rows: Sequence[object], fields: Sequence[str]) -> list[list[object]]:
    """The rows turned into one list for each field, as unnest takes them."""
    return [[getattr(row, field) for row in rows] for field in fields]
