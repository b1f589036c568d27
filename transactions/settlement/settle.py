"""Settling: a partition is drained from its oldest job on, in batches through `ledger.post`.

One database transaction for a batch: lock its jobs, post them, delete them, commit. Whatever dies on the way undoes
all of it, and the jobs lie where they lay.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress
from typing import Any

import psycopg
from django.db import InterfaceError, connection, transaction
from django.utils import timezone
from psycopg.errors import QueryCanceled

from transactions.ledger.arrays import among
from transactions.ledger.commands import Command, wallets_of
from transactions.ledger.heads import commands_lock_free
from transactions.ledger.post import post
from transactions.models import Job, Kind
from transactions.settlement.retry import fault_is_of_the_moment, jobs_hold_back
from wallets.domain.ids import ClockError
from wallets.node_leases import LeaseError
from wallets.warming import watched_warm_up

#: How many jobs one batch takes at the most.
BATCH = 1_000
#: A drain waits this long, once, for a wallet that somebody else holds; after that it knows, and waits only so long.
_LOCK_TIMEOUT_MS = 1_000
_LOCK_TIMEOUT_AGAIN_MS = 200
#: How long a second drainer of a partition waits for the first to finish its last look before it leaves.
_PATIENCE_S = 0.25
_PATIENCE_STEP_S = 0.01
#: So often, one batch after another, a job is left for the next one because somebody holds its wallets; then they are
#: waited for.
_PASSED_OVER_MAX = 3
# The first of the two numbers of the advisory locks on partitions; the second is the partition.
_LOCK_SPACE = 0x5741
_LOCK_SQL = "SELECT pg_try_advisory_xact_lock(%s, %s), set_config('lock_timeout', %s, true)"
_COMMAND_FIELDS = ("id", "kind", "amount", "source_id", "destination_id", "initiator_id")
# The classes of SQLSTATE that no single job can cause: the connection, a standby, a schema of another release, missing
# rights, full disks and memory, an operator at work, the system.
_EVERYBODYS_SQLSTATES = ("08", "25", "42", "53", "57", "58")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What one call settled (`posted`, `failed`), the faults it met, and whether its time was up with jobs `left`."""

    posted: int = 0
    failed: int = 0
    faults: int = 0
    left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What became of a batch; `passed_over` is the oldest job that was left for the next one."""

    posted: int
    failed: int
    passed_over: int | None = None


class _Haste:
    """How often, one batch after another, the oldest job was passed over; whether that was often enough."""

    def __init__(self) -> None:
        self._job_id: int | None = None
        self._times = 0

    @property
    def is_over(self) -> bool:
        return self._times >= _PASSED_OVER_MAX

    def note(self, batch: _Batch) -> None:
        if batch.passed_over is None or batch.passed_over != self._job_id:
            self._job_id, self._times = batch.passed_over, 0
        if batch.passed_over is not None:
            # Where nothing at all was free there is nothing else to do than wait.
            self._times += 1 if batch.posted or batch.failed else _PASSED_OVER_MAX


class _BatchError(Exception):
    """Settling these jobs met a fault; the batch is undone."""

    def __init__(self, job_ids: Sequence[int], cause: Exception) -> None:
        super().__init__(str(cause))
        self.job_ids = job_ids
        self.cause = cause


def partition_drain(*, partition: int, time_limit_s: float) -> Drained:
    """Settles a partition's jobs, oldest first, until none is left that could be settled now, or the time is up.

    A fault undoes its batch; smaller ones are tried next, down to the one job that the fault belongs to, which is
    held back or buried alone. Leaves without a look where another drainer holds the partition. Raises DatabaseError,
    InterfaceError, ClockError or LeaseError where no job could be settled, because the database is away or no id can
    be made.
    """
    deadline = time.monotonic() + time_limit_s
    posted = failed = faults = 0
    size, lock_timeout_ms, narrowing = BATCH, _LOCK_TIMEOUT_MS, False
    haste = _Haste()
    # A faulty batch is narrowed down even when the time is up: the next drain would begin again with a full one.
    while narrowing or time.monotonic() < deadline:
        try:
            settled = _batch_settle(partition, size, lock_timeout_ms, is_patient=narrowing or haste.is_over)
        except _BatchError as fault:
            faults += 1
            narrowing = not jobs_hold_back(fault.job_ids, fault.cause)
            if narrowing:
                size = max(1, len(fault.job_ids) // 4)
            if fault_is_of_the_moment(fault.cause):
                lock_timeout_ms = _LOCK_TIMEOUT_AGAIN_MS
            continue
        narrowing = False
        # Only a look that finds nothing ends the draining: a job that was accepted during the last batch, and whose
        # drainer found the partition held, is seen by the look after it.
        if not settled:
            return Drained(posted=posted, failed=failed, faults=faults)
        posted, failed = posted + settled.posted, failed + settled.failed
        haste.note(settled)
        size = min(BATCH, size * 2)
    return Drained(posted=posted, failed=failed, faults=faults, left=True)


def job_command(job: Job) -> Command:
    """The command that settles a job's transaction."""
    return _command([getattr(job.transaction, field) for field in _COMMAND_FIELDS])


def _batch_settle(partition: int, size: int, lock_timeout_ms: int, *, is_patient: bool) -> _Batch | None:
    """Settles up to `size` jobs in one commit. None where there are none, or where another drainer is at them.

    Whoever `is_patient` waits for wallets that somebody else holds. Otherwise their jobs are passed over: two drainers
    would else take turns, each waiting for the other's commit before it begins to work.
    """
    jobs: dict[int, Command] = {}
    try:
        with transaction.atomic(durable=True):
            if not _partition_lock(partition, lock_timeout_ms):
                return None
            jobs = _jobs_lock(partition, size)
            if not jobs:
                return None
            oldest_left = None
            if not is_patient:
                free = commands_lock_free(list(jobs.values()))
                oldest_left = next((job_id for job_id, is_free in zip(jobs, free, strict=True) if not is_free), None)
                jobs = dict(compress(jobs.items(), free))
            if not jobs:
                return _Batch(posted=0, failed=0, passed_over=oldest_left)
            outcomes = post(list(jobs.values()))
            Job.objects.filter(among("id", jobs)).delete()
            # Robust: what was settled is settled, whatever is wrong with the cache.
            transaction.on_commit(partial(watched_warm_up, wallets_of(jobs.values())), robust=True)
    except Exception as error:
        if not jobs or concerns_everybody(error):
            raise
        # Whatever else it is, it belongs to one of these jobs, and must not hold up all the others.
        raise _BatchError(list(jobs), error) from error
    failed = sum(1 for outcome in outcomes if outcome.error)
    return _Batch(posted=len(jobs) - failed, failed=failed, passed_over=oldest_left)


def _partition_lock(partition: int, lock_timeout_ms: int) -> bool:
    """Holds a partition until the end of this database transaction; False where another drainer does.

    This only saves two drainers from getting in one another's way. What keeps a job from being settled twice, and a
    wallet's jobs in order, are the row locks that each batch takes. For one transaction, not for the connection: a
    lock that outlived the batch would stay behind in a pool, or with a worker that was cut off from the network.
    """
    deadline = time.monotonic() + _PATIENCE_S
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_LOCK_SQL, [_LOCK_SPACE, partition, str(lock_timeout_ms)])
            if cursor.fetchone()[0]:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(_PATIENCE_STEP_S)


def _jobs_lock(partition: int, size: int) -> dict[int, Command]:
    """The oldest jobs that may be settled now, locked: by id, the command that settles each.

    The lock stops a second drainer from settling them too, and the dead-letter desk from judging them meanwhile. A
    wallet with a job that is held back is left out altogether, or its later transfers would overtake that job.
    """
    queue = Job.objects.filter(partition=partition, dead_at__isnull=True)
    held_back = list(queue.filter(not_before__gt=timezone.now()).values_list("source", flat=True))
    jobs = queue.exclude(source__in=held_back).order_by("id").select_for_update(of=("self",))
    rows = jobs.values_list("id", *(f"transaction__{field}" for field in _COMMAND_FIELDS))[:size]
    return {job_id: _command(fields) for job_id, *fields in rows}


def _command(fields: Sequence[Any]) -> Command:
    accepted_id, kind, amount, source_id, destination_id, initiator_id = fields
    return Command(
        accepted_id=accepted_id,
        kind=Kind(kind),
        amount=amount,
        source_id=source_id,
        destination_id=destination_id,
        initiator_id=initiator_id,
    )


def concerns_everybody(error: Exception) -> bool:
    """Whether a fault is the database's or the clock's rather than a job's: jobs are not charged for those."""
    if isinstance(error, ClockError | LeaseError | InterfaceError):
        return True
    cause = error.__cause__
    # A statement that took too long was cut off, which a smaller batch may not be.
    if not isinstance(cause, psycopg.Error) or isinstance(cause, QueryCanceled):
        return False
    if cause.sqlstate is None:
        # Not from the server: it is out of reach, unless the job's own data could not even be sent.
        return isinstance(cause, psycopg.OperationalError)
    return cause.sqlstate.startswith(_EVERYBODYS_SQLSTATES)
