"""Settling accepted transfers: from the first wake-up of two Celery worker processes to the last settlement."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.db import connection

from bench.cpu import Cpu, cpu_median
from bench.measure import Bar, Figure, median, percentiles_ms
from bench.people import People
from bench.sizes import Sizes
from bench.stage import Stage, workers_run
from transactions.channels.celery.wake import workers_wake
from transactions.ledger.commands import Command
from transactions.models import Job, Kind, Status, Transaction
from transactions.settlement.accept import Request, transfers_accept
from transactions.settlement.jobs import LOCK_SPACE
from transactions.settlement.partitions import PARTITIONS

COLD = "settle, spread over 10 000 wallets"
HOT = "settle, all into one wallet"
_LIST = 1_000
_WARM_UP = 2_000
_TIME_LIMIT_S = 120.0
Pairs = Callable[[], tuple[int, int]]


def settle_cold(stage: Stage, people: People, sizes: Sizes) -> Figure:
    chance = random.Random(1)
    bar = Bar(least=3.0, aim=5.0)
    return settling_measure(stage, people, sizes, scenario=COLD, pairs=lambda: people.pair(chance), bar=bar)


def settle_hot(stage: Stage, people: People, sizes: Sizes) -> Figure:
    chance = random.Random(2)
    bar = Bar(least=1.0, relative_to=COLD, name="spread")
    last = len(people.wallets) - 1
    return settling_measure(stage, people, sizes, scenario=HOT, pairs=lambda: (chance.randint(1, last), 0), bar=bar)


def jobs_await(*, seconds: float = _TIME_LIMIT_S) -> float:
    """Waits until no job is left; the moment (monotonic) at which that was seen."""
    deadline = time.monotonic() + seconds
    while Job.objects.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{Job.objects.count()} transfers were not settled in {seconds:.0f} s")
        time.sleep(0.01)
    return time.monotonic()


def backend_pid() -> int:
    """The backend that serves the bench's own queries, whose time is not charged to Postgres."""
    connection.ensure_connection()
    return int(connection.connection.info.backend_pid)


def tables_rest() -> None:
    """Does what autovacuum and the checkpointer would otherwise do in the middle of a measurement."""
    with connection.cursor() as cursor:
        for table in ("wallets_wallet", "transactions_transaction", "transactions_entry", "transactions_job"):
            cursor.execute(f"VACUUM (ANALYZE) {table}")
        cursor.execute("CHECKPOINT")


def settling_measure(
    stage: Stage, people: People, sizes: Sizes, *, scenario: str, pairs: Pairs, bar: Bar | None = None
) -> Figure:
    """How many transfers a second are settled, and how long each one waited."""
    with workers_run(stage, with_beat=False):
        _round(stage, people, _WARM_UP, pairs)
        rounds = [_round(stage, people, sizes.transfers, pairs) for _ in range(sizes.rounds)]
    waits_ms = [wait for _, waits, _ in rounds for wait in waits]
    p50_ms, p99_ms = percentiles_ms(waits_ms)
    return Figure(
        scenario=scenario,
        value=median([per_s for per_s, _, _ in rounds]),
        cpu=cpu_median([used for _, _, used in rounds]),
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        bar=bar,
        note=f"p50, p99: a transfer's wait, all {sizes.transfers} queued at once",
    )


def _round(stage: Stage, people: People, count: int, pairs: Pairs) -> tuple[float, Sequence[float], Cpu]:
    """Transfers per second, how long each one waited from the first wake-up on (milliseconds), and its share of the
    processor time."""
    # The workers poll: without these locks they would settle the first while the last are still being accepted.
    with _partitions_held():
        accepted = _accept(people, count, pairs)
        tables_rest()
        if Job.objects.count() != count:
            raise RuntimeError("some were settled before the clock ran")
        partitions = sorted(set(Job.objects.values_list("partition", flat=True)))
    meter = stage.meter(left_out=backend_pid())
    meter.start()
    woken_at, started_s = time.time(), time.monotonic()
    workers_wake(partitions)
    took_s = jobs_await() - started_s
    used = meter.stop().per(count)
    settled = Transaction.objects.filter(id__in=accepted, status=Status.POSTED).values_list("settled_at", flat=True)
    waits_ms = [(moment.timestamp() - woken_at) * 1_000 for moment in settled if moment]
    if len(waits_ms) != count:
        raise RuntimeError(f"only {len(waits_ms)} of {count} transfers were posted")
    return count / took_s, waits_ms, used


def _accept(people: People, count: int, pairs: Pairs) -> list[int]:
    """Accepts transfers and wakes nobody: what is measured begins with the wake-up."""
    accepted = []
    for start in range(0, count, _LIST):
        outcomes = transfers_accept([_request(people, *pairs()) for _ in range(min(_LIST, count - start))])
        accepted += [outcome.transaction.pk for outcome in outcomes if outcome.transaction]
    return accepted


@contextmanager
def _partitions_held() -> Iterator[None]:
    """Keeps every settler away. A lock of the connection, unlike the settlers' own, outlives our transactions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, p) FROM generate_series(0, %s) AS p", [LOCK_SPACE, PARTITIONS - 1])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")


def _request(people: People, source: int, destination: int) -> Request:
    sides = people.wallets[source], people.wallets[destination]
    command = Command(
        kind=Kind.TRANSFER,
        amount=1,
        source_id=sides[0].pk,
        destination_id=sides[1].pk,
        initiator_id=people.users[source].pk,
    )
    return Request(command=command, source=sides[0], destination=sides[1])
