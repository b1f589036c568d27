"""Settling: jobs go through `ledger.post` in batches, oldest first.

A batch is one database transaction: lock its jobs, post them, delete them, commit. If anything fails on the way,
Postgres undoes all of it and the jobs are as they were.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress

from django.db import connection, transaction

from telemetry import metrics
from transactions.ledger.arrays import among
from transactions.ledger.commands import Command, wallets_of
from transactions.ledger.locking import commands_lock_free
from transactions.ledger.post import post
from transactions.models import Job
from transactions.settlement.faults import fault_is_passing, fault_is_shared
from transactions.settlement.jobs import IN_ORDER_SQL, DueJobs, PartitionJobs, source_jobs
from transactions.settlement.retry import FaultyJob, jobs_put_off
from wallets.warming import viewed_warm_up

#: The largest batch.
BATCH = 1_000
#: The first time that a call meets a wallet which somebody else holds, it waits this long; after that, only so long.
_LOCK_TIMEOUT_MS = 1_000
_LOCK_TIMEOUT_AGAIN_MS = 200
#: How long a second settler of a partition waits for the first to finish its last look before it leaves.
_PATIENCE_S = 0.25
_BEGIN_SQL = f"SELECT set_config('lock_timeout', %s, true), {IN_ORDER_SQL}"
#: How many batches in a row may leave a job for the next one because somebody else holds its wallets. After that the
#: settler waits for them.
_PASSED_OVER_MAX = 3


@dataclass(slots=True, kw_only=True)
class Settled:
    """What one call did: how many transfers it `posted` or `failed`, how many `faults` it met, and the jobs that it put
    off or gave up after them. `left` is true if its time was up while jobs were still due."""

    posted: int = 0
    failed: int = 0
    faults: int = 0
    faulty: list[FaultyJob] = field(default_factory=list)
    left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What became of a batch; `passed_over` is the oldest job that it left for the next one."""

    posted: int
    failed: int
    passed_over: int | None = None


class _Haste:
    """Counts how often, one batch after another, the same oldest job was passed over."""

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
            # If nothing at all was free, there is nothing to do but wait.
            self._times += 1 if batch.posted or batch.failed else _PASSED_OVER_MAX


class _BatchError(Exception):
    """Settling these jobs met a fault; Postgres has undone the batch."""

    def __init__(self, job_ids: Sequence[int], cause: Exception) -> None:
        super().__init__(str(cause))
        self.job_ids = job_ids
        self.cause = cause


def sources_settle(*, source_ids: Collection[int], time_limit_s: float) -> Settled:
    """Settles the jobs of these source wallets, oldest first, until none is due any more or the time is up.

    A fault undoes its batch. Smaller batches are tried next, down to the one job that the fault belongs to, which is
    put off or becomes a dead letter; its neighbours settle. Raises DatabaseError, InterfaceError, ClockError or
    LeaseError, with nothing half done, if nobody's job could be settled: the database is away or no id can be made.
    """
    return _settle(source_jobs(source_ids), time_limit_s)


def partition_settle(*, partition: int, time_limit_s: float, patience_s: float = _PATIENCE_S) -> Settled:
    """The same for all source wallets of a partition. Returns while another settler holds the partition, after it has
    waited for `patience_s` seconds: that settler may already have taken its last look."""
    return _settle(PartitionJobs(partition, patience_s), time_limit_s)


def _settle(due: DueJobs, time_limit_s: float) -> Settled:
    deadline = time.monotonic() + time_limit_s
    settled = Settled()
    size, lock_timeout_ms, narrowing = BATCH, _LOCK_TIMEOUT_MS, False
    haste = _Haste()
    # A faulty batch is narrowed down even when the time is up: the next call would begin again with a full one.
    while narrowing or time.monotonic() < deadline:
        try:
            batch = _batch_settle(due, size, lock_timeout_ms, is_patient=narrowing or haste.is_over)
        except _BatchError as fault:
            settled.faults += 1
            metrics.settlement_faults.inc()
            faulty = jobs_put_off(fault.job_ids, fault.cause)
            narrowing = faulty is None
            if narrowing:
                size = max(1, len(fault.job_ids) // 4)
            settled.faulty += faulty or []
            if fault_is_passing(fault.cause):
                lock_timeout_ms = _LOCK_TIMEOUT_AGAIN_MS
            continue
        narrowing = False
        # Only a look that finds nothing ends the call: a job that was accepted during the last batch, and whose settler
        # found the partition held, is seen by the look after it.
        if batch is None:
            return settled
        settled.posted, settled.failed = settled.posted + batch.posted, settled.failed + batch.failed
        haste.note(batch)
        size = min(BATCH, size * 2)
    settled.left = True
    return settled


def _batch_settle(due: DueJobs, size: int, lock_timeout_ms: int, *, is_patient: bool) -> _Batch | None:
    """Settles up to `size` jobs in one commit. None if none is due, or if another settler holds the partition.

    With `is_patient` it waits for wallets that somebody else holds. Otherwise it passes their jobs over: two settlers
    would take turns, each waiting for the other's commit before it begins to work.
    """
    jobs: dict[int, Command] = {}
    try:
        with transaction.atomic(durable=True):
            with connection.cursor() as cursor:
                cursor.execute(_BEGIN_SQL, [str(lock_timeout_ms)])
            jobs = due.lock(size)
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
            # Robust: a fault of the cache must not turn a settled transfer into an error.
            transaction.on_commit(partial(viewed_warm_up, wallets_of(jobs.values())), robust=True)
    except Exception as error:
        if not jobs or fault_is_shared(error):
            raise
        # Any other error comes from one of these jobs, which must not hold up the rest.
        raise _BatchError(list(jobs), error) from error
    failed = sum(1 for outcome in outcomes if outcome.error)
    metrics.transfers_settled.labels(outcome="posted").inc(len(jobs) - failed)
    metrics.transfers_settled.labels(outcome="failed").inc(failed)
    return _Batch(posted=len(jobs) - failed, failed=failed, passed_over=oldest_left)
