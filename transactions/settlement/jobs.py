"""Finding the jobs that are due, and locking them.

A job is due when it is not a dead letter and no earlier job of its source wallet waits for a retry. `id` is the order
of acceptance. The settler that locks the row of a source's oldest job owns the source: no other touches its jobs. That
keeps a job from being settled twice and the jobs of a wallet in order, however many settlers look at once. A source
that another settler owns is left to it, so a settler that hangs holds up its own sources and no others.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from django.db import connection, transaction
from django.utils import timezone

from transactions.ledger.arrays import among, array_literal
from transactions.ledger.commands import Command
from transactions.models import Job, Kind
from transactions.settlement.partitions import PARTITIONS, partition_of

_PATIENCE_STEP_S = 0.01
# The first of the two numbers of the advisory locks on partitions; the second is the partition.
LOCK_SPACE = 0x5741
_PARTITION_LOCK_SQL = "SELECT pg_try_advisory_xact_lock(%s, %s)"
_COMMAND_FIELDS = ("id", "kind", "amount", "source_id", "destination_id", "initiator_id")
#: Until the end of the transaction, Postgres reads the queue through an index in its order. The queue grows from
#: nothing to a million jobs and shrinks again faster than its statistics follow; by wrong ones, it would read all.
IN_ORDER_SQL = "set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)"
# Reads no more than a few rows of each source, so that one with a million jobs costs no more than one with ten. BETWEEN
# and `coalesce` mean `=` and IS NULL, but keep Postgres from indexes that lead through the jobs of other sources.
_OF_SOURCES_SQL = """
SELECT j.id, t.id, t.kind, t.amount, t.source_id, t.destination_id, t.initiator_id
FROM transactions_job AS j JOIN transactions_transaction AS t ON t.id = j.transaction_id
WHERE j.id = ANY(ARRAY(
    SELECT first.id FROM unnest(%s::bigint[]) AS source (id) CROSS JOIN LATERAL (
        SELECT id FROM transactions_job
        WHERE source_id BETWEEN source.id AND source.id AND coalesce(dead_at, 'infinity') = 'infinity'
        ORDER BY source_id, id LIMIT %s
    ) AS first ORDER BY first.id LIMIT %s
))
ORDER BY j.id
"""
# The answer lacks the jobs that another settler holds, or has settled since they were read.
_LOCK_SQL = """
SELECT id FROM transactions_job WHERE id = ANY(%s::bigint[]) AND coalesce(dead_at, 'infinity') = 'infinity'
ORDER BY id FOR UPDATE SKIP LOCKED
"""
# One index probe for each partition, however many jobs wait.
_DUE_PARTITIONS_SQL = """
SELECT p.number FROM generate_series(0, %s) AS p (number) CROSS JOIN LATERAL (
    SELECT transaction_id, not_before FROM transactions_job
    WHERE partition BETWEEN p.number AND p.number AND dead_at IS NULL AND (not_before IS NULL OR not_before <= %s)
    ORDER BY partition, id LIMIT 1
) AS oldest JOIN transactions_transaction AS t ON t.id = oldest.transaction_id
WHERE oldest.not_before IS NOT NULL OR t.created_at <= %s
ORDER BY t.created_at
"""


class DueJobs(Protocol):
    """Some of the jobs that are due: those of a partition, or those of a set of source wallets."""

    def lock(self, size: int) -> dict[int, Command]:
        """Locks the oldest `size` of them until the commit, without sources that another settler owns. Returns, by job
        id, the command that settles each, oldest first."""


@dataclass(frozen=True, slots=True)
class PartitionJobs:
    """The jobs of one partition. At most one settler at a time works on a partition."""

    partition: int
    #: How long to wait for another settler of the partition to finish its last look.
    patience_s: float

    def lock(self, size: int) -> dict[int, Command]:
        """As above. Empty also while another settler holds the partition."""
        if not _partition_lock(self.partition, self.patience_s):
            return {}
        queue = Job.objects.filter(partition=self.partition, dead_at__isnull=True)
        waiting = list(queue.filter(not_before__gt=timezone.now()).values_list("source", flat=True))
        # A range, so that Postgres uses the index of partitions and reads no jobs of others.
        queue = Job.objects.filter(partition__range=(self.partition, self.partition), dead_at__isnull=True)
        jobs = queue.exclude(source__in=waiting).order_by("partition", "id")
        rows = jobs.values_list("id", *(f"transaction__{field}" for field in _COMMAND_FIELDS))[:size]
        return _lock({job_id: _command(fields) for job_id, *fields in rows})


@dataclass(frozen=True, slots=True)
class SourceJobs:
    """The jobs of a set of source wallets."""

    source_ids: frozenset[int]

    def lock(self, size: int) -> dict[int, Command]:
        source_ids = self.source_ids - self._waiting()
        if not source_ids:
            return {}
        # A few times its share for each source, so that a batch fills up although some sources have little.
        per_source = min(size, 4 * -(-size // len(source_ids)))
        with connection.cursor() as cursor:
            cursor.execute(_OF_SOURCES_SQL, [array_literal(sorted(source_ids), of="bigint"), per_source, size])
            return _lock({job_id: _command(fields) for job_id, *fields in cursor.fetchall()})

    def _waiting(self) -> set[int]:
        """The sources with a job that waits for its retry. Their later jobs wait too, or they would overtake it."""
        # The partitions lead to the index of waiting jobs, which is small.
        partitions = {partition_of(source_id) for source_id in self.source_ids}
        waiting = Job.objects.filter(
            among("source", self.source_ids),
            partition__in=partitions,
            dead_at__isnull=True,
            not_before__gt=timezone.now(),
        )
        return set(waiting.values_list("source", flat=True))


def partitions_due(*, overdue_s: float) -> list[int]:
    """The partitions whose oldest due job was accepted at least `overdue_s` seconds ago or has waited for its retry.
    Those that have waited longest come first."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT {IN_ORDER_SQL}")
        # By the clock of the processes, which also dates jobs and retries.
        now = timezone.now()
        cursor.execute(_DUE_PARTITIONS_SQL, [PARTITIONS - 1, now, now - timedelta(seconds=overdue_s)])
        return [row[0] for row in cursor.fetchall()]


def source_jobs(source_ids: Collection[int]) -> SourceJobs:
    return SourceJobs(frozenset(source_ids))


def job_command(job: Job) -> Command:
    """The command that settles a job's transaction."""
    return _command([getattr(job.transaction, field) for field in _COMMAND_FIELDS])


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


def _lock(jobs: Mapping[int, Command]) -> dict[int, Command]:
    """Those of the jobs, oldest first, that this settler may settle now, locked.

    The oldest jobs are locked first. If a source's later jobs were locked together with them, two settlers could each
    hold some of a source's jobs, and both would leave it alone.
    """
    # Built from the newest to the oldest, so that the oldest of each source remains.
    oldest = {command.source_id: job_id for job_id, command in reversed(list(jobs.items()))}
    locked = _lock_ids(oldest.values())
    owned = {source_id for source_id, job_id in oldest.items() if job_id in locked}
    if len(oldest) < len(jobs):
        locked |= _lock_ids(
            job_id for job_id, command in jobs.items() if command.source_id in owned and job_id not in locked
        )
    if len(locked) == len(jobs):
        return dict(jobs)
    ours = {}
    for job_id, command in jobs.items():
        if command.source_id not in owned:
            continue
        if job_id in locked:
            ours[job_id] = command
        else:
            # It was given up, or is being put off. What comes after it waits for the next look.
            owned.discard(command.source_id)
    return ours


def _lock_ids(job_ids: Iterable[int]) -> set[int]:
    wanted = array_literal(job_ids, of="bigint")
    if wanted == "{}":
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_SQL, [wanted])
        return {row[0] for row in cursor.fetchall()}


def _partition_lock(partition: int, patience_s: float) -> bool:
    """Holds a partition until the end of the transaction; False if another settler holds it.

    The lock only saves work: it stops two settlers from waiting for each other's row locks. It belongs to the
    transaction and not to the connection, because a lock that outlived the batch would stay behind in a pool, or with
    a worker that was cut off from the network.
    """
    deadline = time.monotonic() + patience_s
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_PARTITION_LOCK_SQL, [LOCK_SPACE, partition])
            if cursor.fetchone()[0]:
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PATIENCE_STEP_S)
