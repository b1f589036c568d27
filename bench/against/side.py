"""One of the two commits under comparison: its servers, its processes, and what its tables say."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from bench import interfaces
from bench.against.crowd import Crowd, crowd_load
from bench.cpu import Meter
from bench.stage import Stage, command_run, grpc_run, process_run, site_run, workers_run
from wallet_project.embedded import SUPERUSER

_COMMAND_TIMEOUT_S = 300.0
_SETTLE_TIMEOUT_S = 120.0
_POLL_S = 0.02
_VACUUM_SQL = "SELECT relname FROM pg_stat_user_tables WHERE n_mod_since_analyze + n_dead_tup > 0"
# By default, counting a large table would start parallel workers, whose time would be charged to the site.
_OBSERVER_OPTIONS = "-c max_parallel_workers_per_gather=0"


@dataclass(slots=True, kw_only=True)
class Side:
    """A commit at work. `database` is the bench's own connection, whose backend is not charged.

    `site_port` and `grpc_port` are those of the processes that run now, 0 for none."""

    name: str
    stage: Stage
    database: psycopg.Connection[tuple[object, ...]]
    crowd: Crowd
    site_port: int = 0
    grpc_port: int = 0
    #: Whether `reads.history_write` has been here.
    has_history: bool = False

    def meter(self) -> Meter:
        return self.stage.meter(left_out=self.database.info.backend_pid)

    def posted(self) -> int:
        """How many transactions are posted."""
        return self._number("SELECT count(*) FROM {} WHERE status = 'posted'", interfaces.TRANSACTIONS)

    def posted_await(self, *, base: int, entries: int, count: int) -> float:
        """Waits until `count` transfers are posted beyond `base`; the moment (monotonic) at which that was seen.

        `entries` is what `entries_numbered` was at the base. Counting is slow, so it begins only when enough entries
        have been numbered. Raises RuntimeError after two minutes.
        """
        deadline = time.monotonic() + _SETTLE_TIMEOUT_S
        while True:
            now = time.monotonic()
            if self.entries_numbered() - entries >= 2 * count and self.posted() - base >= count:
                return now
            if now > deadline:
                missing = base + count - self.posted()
                raise RuntimeError(f"{missing} of {count} transfers were not settled in {_SETTLE_TIMEOUT_S:.0f} s")
            time.sleep(_POLL_S)

    def entries_numbered(self) -> int:
        """The highest number that an entry was given."""
        return self._number("SELECT last_value FROM {}", f"{interfaces.ENTRIES}_id_seq")

    def waits_ms(self, since_s: float) -> list[float]:
        """How long after `since_s` (seconds of Unix time) each transfer was settled that was settled since then."""
        statement = sql.SQL(
            "SELECT 1000 * (extract(epoch FROM settled_at) - %(since_s)s)::float FROM {} "
            "WHERE settled_at >= to_timestamp(%(since_s)s)"
        ).format(sql.Identifier(interfaces.TRANSACTIONS))
        return [float(str(row[0])) for row in self.database.execute(statement, {"since_s": since_s})]

    def rest(self) -> None:
        """Does now what autovacuum and the checkpointer would otherwise do during a measurement."""
        for (table,) in self.database.execute(_VACUUM_SQL).fetchall():
            self.database.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(str(table))))
        self.database.execute("CHECKPOINT")

    def audit(self) -> str:
        """What the side's own audit says is wrong with its books; empty if they balance."""
        try:
            command_run(self.stage, interfaces.AUDIT, timeout_s=_COMMAND_TIMEOUT_S)
        except RuntimeError as error:
            return f"the books of {self.name}: {error}"
        return ""

    def _number(self, statement: str, table: str) -> int:
        row = self.database.execute(sql.SQL(statement).format(sql.Identifier(table))).fetchone()
        assert row is not None
        return int(str(row[0]))


def side_make(name: str, stage: Stage, *, people: int) -> Side:
    """Migrates the stage's database, collects the static files, and writes the people."""
    command_run(stage, interfaces.MIGRATE, timeout_s=_COMMAND_TIMEOUT_S)
    command_run(stage, interfaces.COLLECT_STATIC, timeout_s=_COMMAND_TIMEOUT_S)
    url = stage.places.database_url(role=SUPERUSER)
    crowd = crowd_load(url, people)
    database = psycopg.connect(url, autocommit=True, options=_OBSERVER_OPTIONS)
    return Side(name=name, stage=stage, database=database, crowd=crowd)


@contextmanager
def processes_run(side: Side, names: frozenset[str], environment: Mapping[str, str]) -> Iterator[None]:
    """The side's processes of these names: site, grpc, workers, beat, consumer."""
    stage = side.stage
    with ExitStack() as stack:
        if "site" in names:
            site = site_run(stage, settings=interfaces.SETTINGS, environment=environment)
            side.site_port = stack.enter_context(site)
        if "grpc" in names:
            side.grpc_port = stack.enter_context(grpc_run(stage, environment))
        if "workers" in names:
            stack.enter_context(workers_run(stage, with_beat="beat" in names))
        if "consumer" in names:
            # One only: how the partitions are spread over several differs from start to start.
            stack.enter_context(process_run(stage, "consumer", interfaces.CONSUME_TRANSFERS, environment))
        try:
            yield
        finally:
            side.site_port = side.grpc_port = 0
