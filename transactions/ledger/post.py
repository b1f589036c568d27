"""`post`: the only function that changes balances.

It locks the wallets, decides on each command in memory, writes everything with one statement, and commits.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from kit.cache.protocol import cache_fence, cache_replayed
from transactions.ledger.arrays import among, array_literal
from transactions.ledger.commands import Accepted, Command, Outcome
from transactions.ledger.locking import wallets_lock
from transactions.ledger.posting import Posting
from transactions.ledger.record import posting_record
from transactions.models import Status, Transaction
from transactions.names import settled_names
from wallets.cache_names import wallet_name
from wallets.domain.errors import ErrorCode
from wallets.domain.limits import idempotency_key_fits
from wallets.models import Wallet

# A join, because planning one condition per key would take longer than the rest of the posting of a long list.
_REQUESTS_SQL = """
SELECT t.* FROM unnest(%s::bigint[], %s::text[]) AS asked (initiator_id, idempotency_key)
JOIN transactions_transaction AS t USING (initiator_id, idempotency_key)
"""


def post(commands: Sequence[Command], *, at: datetime | None = None) -> list[Outcome]:
    """Carries out the commands one after another, as if each had come alone, and returns one outcome per command.

    - A refused command changes nothing and does not affect the others.
    - All changes are committed together, or with the caller's database transaction if there is one.
    - A command whose idempotency key was used before, in this list or earlier, moves nothing. Its outcome is the
      stored transaction, or an error if the stored request differs.
    - A command that settles an accepted transaction stores the outcome there, also if it is refused. If the
      transaction is settled already, it stays as it is.

    `at` dates the posting back, for histories that are written afterwards, such as the demo's. No entry point sets it.

    If it raises, nothing has changed:

    - WalletError UNAVAILABLE: another transaction held one of the wallets for longer than the lock timeout.
    - WalletError IDEMPOTENCY_IN_PROGRESS: a request with the same key stayed uncommitted for that long.
    - IntegrityError on `transaction_one_per_idempotency_key`: a request with the same key was committed meanwhile.
      Post again: it is found then.
    - OperationalError, ClockError, LeaseError: the database or the clock failed.
    """
    with transaction.atomic():
        posting = Posting(
            locked_wallets=wallets_lock(commands),
            requests=requests_find(commands),
            accepted=_accepted_find(commands),
            now=_moment(at),
        )
        outcomes = [posting.apply(command) for command in commands]
        posting.write()
        if any(outcome.replayed for outcome in outcomes):
            cache_replayed([wallet_name(id_) for id_ in posting.wallet_ids])
        cache_fence([*map(wallet_name, posting.changed_ids), *settled_names(posting.settled)])
    return outcomes


def _moment(at: datetime | None) -> datetime:
    now = timezone.now()
    if at is not None and at > now:
        raise ValueError("A posting cannot be dated in the future.")
    return at or now


def accepted_fail(*, transaction_id: int, code: ErrorCode) -> None:
    """Settles an accepted transaction as failed without trying to post it: a decision that staff can take.

    If the transaction is settled already, nothing happens.
    """
    with transaction.atomic():
        # Race: without the source wallet's lock, another transfer of that wallet could commit first although its event
        # got the later position. The wallet is locked before the transaction, as in `post`, so that the two cannot
        # deadlock.
        source = Transaction.objects.filter(id=transaction_id).values("source")
        list(Wallet.objects.filter(id__in=source).select_for_update(no_key=True).values_list("id"))
        # Race: without this lock, a worker could post the transaction between this read and the write below.
        pending = Transaction.objects.select_for_update().filter(id=transaction_id, status=Status.PENDING)
        row = pending.values_list("id", "status", "source_id", "currency").first()
        if row is None:
            return
        failed = Accepted(*row)
        failed.status, failed.failure_code, failed.settled_at = Status.FAILED, code, timezone.now()
        posting_record(settled=[failed])
        cache_fence(settled_names([failed]))


def requests_find(commands: Sequence[Command]) -> dict[tuple[int, str], Transaction]:
    """The transactions stored under the commands' idempotency keys, by (initiator, key).

    Race: two equal requests arrive at once. `post` calls this while it holds the wallets' locks, so that the second
    request sees what the first one stored.
    """
    keys = {
        (command.initiator_id, command.idempotency_key)
        for command in commands
        if command.idempotency_key is not None
        and command.accepted_id is None
        and idempotency_key_fits(command.idempotency_key)
    }
    if not keys:
        return {}
    initiators, texts = zip(*keys, strict=True)
    arrays = [array_literal(initiators, of="bigint"), array_literal(texts, of="text")]
    stored = Transaction.objects.raw(_REQUESTS_SQL, arrays)
    return {(request.initiator_id, request.idempotency_key or ""): request for request in stored}


def _accepted_find(commands: Sequence[Command]) -> dict[int, Accepted]:
    """The accepted transactions that the commands settle, by id.

    Race: two workers settle the same transaction. It is read under the wallets' locks, so that the second worker sees
    that it is settled.
    """
    ids = [command.accepted_id for command in commands if command.accepted_id is not None]
    if not ids:
        return {}
    rows = Transaction.objects.filter(among("id", ids)).values_list("id", "status", "source_id", "currency")
    return {row[0]: Accepted(*row) for row in rows}
