"""Finding jobs that no channel has told anybody of, straight from the table.

Every process that settles polls: a lost message, a broker that is away and a wiped Redis cost a second, never a
transfer. A retry needs no message either: its job is found when its time has come.
"""

import threading
from collections.abc import Callable, Sequence

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from transactions.settlement.jobs import partitions_due
from transactions.settlement.retry import FaultyJob
from transactions.settlement.settle import Settled, partition_settle
from wallets.domain.ids import ClockError
from wallets.node_leases import LeaseError

log = structlog.get_logger(__name__)

POLL_S = 1.0
#: A job that is younger is left to the message that announces it.
OVERDUE_S = 1.0
#: While the database is away.
_REST_S = 2.0


def overdue_settle(*, is_over: Callable[[], bool] = lambda: False) -> Settled:
    """Settles what is overdue, one partition after another, until `is_over`. Partitions that another settler holds are
    left to it. Raises as `partition_settle` does."""
    total = Settled()
    for partition in partitions_due(overdue_s=OVERDUE_S):
        if is_over():
            break
        # Without patience: what the other settler misses is found by the next poll.
        settled = partition_settle(partition=partition, time_limit_s=settings.TRANSFER_DRAIN_LIMIT_S, patience_s=0)
        total.posted += settled.posted
        total.failed += settled.failed
        total.faults += settled.faults
        total.faulty += settled.faulty
        total.left = total.left or settled.left
    return total


def _nobody_told(_: Sequence[FaultyJob]) -> None:
    """The job table says it."""


class Poller:
    """Polls in a thread of its own, from `start` to `stop`. It needs Postgres alone, so transfers settle even
    while the rest of the process waits, for a broker say. `on_faulty` is told of jobs that met a fault."""

    def __init__(self, *, on_faulty: Callable[[Sequence[FaultyJob]], None] = _nobody_told) -> None:
        self._on_faulty = on_faulty
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job-poller", daemon=True)
        self._is_away = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the batch in hand is settled."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            self._over.wait(self._turn())
        connection.close()

    def _turn(self) -> float:
        """Polls once. Returns how long to wait before the next turn, in seconds."""
        try:
            close_old_connections()
            settled = overdue_settle(is_over=self._over.is_set)
            self._on_faulty(settled.faulty)
        except (DatabaseError, InterfaceError, ClockError, LeaseError) as error:
            if not self._is_away:
                log.warning("settling_waits", error=f"{type(error).__name__}: {error}")
            self._is_away = True
            return _REST_S
        except Exception:
            # The thread must survive any error, because nothing else finds lost jobs.
            log.exception("poll_failed")
            return _REST_S
        self._is_away = False
        if settled.posted or settled.failed or settled.faults:
            log.info("overdue_settled", posted=settled.posted, failed=settled.failed, faults=settled.faults)
        return 0.0 if settled.left else POLL_S
