"""Settling what was delivered: in batches through `ledger.post`, one database transaction for each batch.

What was delivered before is recognised by its transaction's id, under the wallets' locks, and nothing is done again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from django.db import IntegrityError, connection, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from kit.db.errors import constraint_violated
from transactions.channels.kafka.deliveries import Delivery
from transactions.ledger.arrays import among
from transactions.ledger.commands import Command, Outcome, wallets_of
from transactions.ledger.post import post
from transactions.settlement.retry import fault_is_of_the_moment
from transactions.settlement.settle import concerns_everybody
from wallets.models import Wallet
from wallets.warming import watched_warm_up

#: A batch waits this long for a wallet that somebody else holds; when it is known that one is held, only so long.
_LOCK_TIMEOUT_MS = 1_000
_LOCK_TIMEOUT_AGAIN_MS = 200
_LOCK_TIMEOUT_SQL = "SELECT set_config('lock_timeout', %s, true)"
#: How often a batch is tried again where only the moment was wrong.
_TRIES = 3


@dataclass(slots=True, kw_only=True)
class Settlement:
    """What became of some deliveries: how many were posted, failed or delivered before; which of them nobody can put
    on record (`refused`, with the reason), and which met a fault (`faulty`)."""

    posted: int = 0
    failed: int = 0
    replayed: int = 0
    refused: list[tuple[Delivery, str]] = field(default_factory=list)
    faulty: list[tuple[Delivery, Exception]] = field(default_factory=list)


def deliveries_settle(deliveries: Sequence[Delivery]) -> Settlement:
    """Settles them in order. A fault undoes its batch, which is narrowed down until the fault is alone.

    Raises what concerns everybody: the database is away, no id can be made. Nothing more can be settled then; what was
    settled before that is recognised when it is delivered again.
    """
    settlement = Settlement()
    _settle(deliveries, settlement, _LOCK_TIMEOUT_MS)
    return settlement


def _settle(deliveries: Sequence[Delivery], settlement: Settlement, lock_timeout_ms: int) -> None:
    if not deliveries:
        return
    try:
        outcomes = _post_patiently([_command(delivery) for delivery in deliveries], lock_timeout_ms)
    except Exception as error:
        if concerns_everybody(error):
            raise
        _narrow(deliveries, settlement, error)
        return
    for delivery, outcome in zip(deliveries, outcomes, strict=True):
        _count(delivery, outcome, settlement)


def _count(delivery: Delivery, outcome: Outcome, settlement: Settlement) -> None:
    if outcome.replayed:
        settlement.replayed += 1
    elif outcome.error is None:
        settlement.posted += 1
    elif outcome.on_record:
        settlement.failed += 1
    else:
        settlement.refused.append((delivery, str(outcome.error)))


def _narrow(deliveries: Sequence[Delivery], settlement: Settlement, error: Exception) -> None:
    """Finds those whose fault it is; the others are settled."""
    if len(deliveries) == 1:
        settlement.faulty.append((deliveries[0], error))
        return
    busy = _busy_wallets(deliveries) if fault_is_of_the_moment(error) else set()
    held = [delivery for delivery in deliveries if wallets_of([_command(delivery)]) & busy]
    if held:
        # All at once: each that needs such a wallet would wait for it in vain, one after the other.
        settlement.faulty += [(delivery, error) for delivery in held]
        free = [delivery for delivery in deliveries if not wallets_of([_command(delivery)]) & busy]
        _settle(free, settlement, _LOCK_TIMEOUT_AGAIN_MS)
        return
    half = len(deliveries) // 2
    _settle(deliveries[:half], settlement, _LOCK_TIMEOUT_AGAIN_MS)
    _settle(deliveries[half:], settlement, _LOCK_TIMEOUT_AGAIN_MS)


def _post_patiently(commands: Sequence[Command], lock_timeout_ms: int) -> list[Outcome]:
    """Posts, and once more where a second try may not meet the fault again."""
    for _ in range(_TRIES - 1):
        try:
            return _post(commands, lock_timeout_ms)
        except Exception as error:
            if not _is_passing(error):
                raise
    return _post(commands, lock_timeout_ms)


def _post(commands: Sequence[Command], lock_timeout_ms: int) -> list[Outcome]:
    # Durable: the offsets are committed after this, and only what is committed here may be passed over.
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_TIMEOUT_SQL, [str(lock_timeout_ms)])
        outcomes = post(commands)
        # Robust: what was settled is settled, whatever is wrong with the cache.
        transaction.on_commit(partial(watched_warm_up, wallets_of(commands)), robust=True)
    return outcomes


def _is_passing(error: Exception) -> bool:
    """An equal key or id that was committed meanwhile, by another door or another consumer; or a deadlock."""
    if isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
        return True
    known = {"transaction_one_per_idempotency_key", "transactions_transaction_pkey"}
    return isinstance(error, IntegrityError) and constraint_violated(error) in known


def _busy_wallets(deliveries: Sequence[Delivery]) -> set[int]:
    """The wallets that somebody holds at this moment."""
    needed = wallets_of(map(_command, deliveries))
    with transaction.atomic():
        # Takes each lock that is to be had, for an instant, to see which are not.
        wallets = Wallet.objects.filter(among("id", needed)).select_for_update(skip_locked=True, no_key=True)
        free = set(wallets.values_list("id", flat=True))
        known = set(Wallet.objects.filter(among("id", needed)).values_list("id", flat=True))
    return known - free


def _command(delivery: Delivery) -> Command:
    assert delivery.command is not None  # noqa: S101 - what nobody can read is not settled
    return delivery.command
