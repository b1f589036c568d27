"""`post`: the single door through which a balance changes.

Lock the wallets, decide on each command in memory, write everything with one statement, commit.
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
from transactions.ledger.rules import idempotency_key_fits
from transactions.models import Status, Transaction
from transactions.names import settled_names
from wallets.cache_names import wallet_name
from wallets.domain.errors import ErrorCode
from wallets.models import Wallet

# A join: a condition for each key would cost the planner more than all the rest of a long list.
_REQUESTS_SQL = """
SELECT t.* FROM unnest(%s::bigint[], %s::text[]) AS asked (initiator_id, idempotency_key)
JOIN transactions_transaction AS t USING (initiator_id, idempotency_key)
"""


def post(commands: Sequence[Command], *, at: datetime | None = None) -> list[Outcome]:
    """Carries out the commands one after another, as if each had come alone; one outcome for each, in order.

    A refused command changes nothing and harms none of its neighbours. Everything that is carried out is committed
    together, or with the caller's transaction if there is one. A command whose idempotency key was used before, in
    this list or earlier, moves nothing: it gets the stored transaction back, or an error where it differs. A command
    that settles an accepted transaction records its outcome there, a refusal too; one that is settled already stays.

    `at` dates the posting back, for a history that is written afterwards, such as the demo's; no door passes it on.

    Raises, with nothing changed: WalletError UNAVAILABLE where a wallet stayed locked for longer than the lock
    timeout; IDEMPOTENCY_IN_PROGRESS where a request with the same key did; IntegrityError on
    `transaction_one_per_idempotency_key` where one was committed meanwhile (post again: it is found then);
    OperationalError, ClockError and LeaseError where the database or the clock fails.
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
        raise ValueError("A posting cannot be dated ahead.")
    return at or now


def accepted_fail(*, transaction_id: int, code: ErrorCode) -> None:
    """Settles an accepted transaction as failed without trying it, as staff may decide. One that is settled stays."""
    with transaction.atomic():
        # The source's lock stops what else that wallet settles from getting ahead of this in its stream of events.
        # Before the transaction's, as in `post`, so that the two cannot deadlock.
        source = Transaction.objects.filter(id=transaction_id).values("source")
        list(Wallet.objects.filter(id__in=source).select_for_update(no_key=True).values_list("id"))
        # The lock stops a worker from posting it between this look and the write.
        pending = Transaction.objects.select_for_update().filter(id=transaction_id, status=Status.PENDING)
        row = pending.values_list("id", "status", "source_id", "currency").first()
        if row is None:
            return
        failed = Accepted(*row)
        failed.status, failed.failure_code, failed.settled_at = Status.FAILED, code, timezone.now()
        posting_record(settled=[failed])
        cache_fence(settled_names([failed]))


def requests_find(commands: Sequence[Command]) -> dict[tuple[int, str], Transaction]:
    """What is stored under the commands' idempotency keys, by initiator and key.

    `post` reads it under the wallets' locks, so that of two equal requests that race, the second sees what the first
    one did.
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
    """The transactions that the commands settle. Read under the wallets' locks, so that of two workers with the same
    transaction the second sees that it is settled."""
    ids = [command.accepted_id for command in commands if command.accepted_id is not None]
    if not ids:
        return {}
    rows = Transaction.objects.filter(among("id", ids)).values_list("id", "status", "source_id", "currency")
    return {row[0]: Accepted(*row) for row in rows}
