"""Processor time of the site, Postgres, Redis, Kafka and the load generator, from the kernel's accounting.

On a shared machine rates jump from minute to minute. Processor time does not, so it shows smaller differences.
"""

import statistics
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

SITE, POSTGRES, REDIS, KAFKA, LOAD = "site", "Postgres", "Redis", "Kafka", "load"
#: The order of the table's columns.
PARTS = (SITE, POSTGRES, REDIS, KAFKA, LOAD)
#: What is charged to the site under test: everything it needs to answer, except a Kafka broker.
SERVED = (SITE, POSTGRES, REDIS)


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processor time in milliseconds for each part: the total of a measurement, or the share of one request."""

    ms: Mapping[str, float]

    def __add__(self, other: "Cpu") -> "Cpu":
        return Cpu({part: self.ms.get(part, 0.0) + other.ms.get(part, 0.0) for part in {*self.ms, *other.ms}})

    def per(self, count: int) -> "Cpu":
        """The share of each of `count` requests or transfers."""
        return Cpu({part: ms / count for part, ms in self.ms.items()})

    @property
    def served_ms(self) -> float:
        """The sum of site, Postgres and Redis."""
        return sum(self.ms.get(part, 0.0) for part in SERVED)


def cpu_median(values: Sequence[Cpu]) -> Cpu:
    """The median of each part by itself."""
    return Cpu({part: statistics.median(value.ms.get(part, 0.0) for value in values) for part in values[0].ms})


@dataclass(slots=True)
class Meter:
    """Measures the process trees below the given processes, from `start` to each `stop`.

    `roots` holds the ids of each part's topmost processes. `left_out` is the id of a process that is not charged: the
    Postgres backend that serves the bench's own queries.
    """

    roots: Mapping[str, Collection[int]]
    left_out: int | None = None
    _before: Mapping[str, float] = field(default_factory=dict)

    def start(self) -> None:
        self._before = self._read()

    def stop(self, *, load_ms: float = 0.0) -> Cpu:
        """What was used since `start`. The load generator, if there is one, measures itself and hands in its figure."""
        now = self._read()
        used = {part: (now[part] - self._before.get(part, 0.0)) * 1_000 for part in now}
        return Cpu({**used, LOAD: load_ms} if load_ms else used)

    def _read(self) -> dict[str, float]:
        children: dict[int, list[int]] = {}
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess):
                children.setdefault(process.ppid(), []).append(process.pid)
        return {
            part: sum(_cpu_s(pid) for root in roots for pid in _tree(root, children) if pid != self.left_out)
            for part, roots in self.roots.items()
        }


def _tree(root: int, children: Mapping[int, Sequence[int]]) -> Iterator[int]:
    """The process and its descendants."""
    yield root
    for child in children.get(root, ()):
        yield from _tree(child, children)


def _cpu_s(pid: int) -> float:
    """Processor time (seconds) of a process and of those of its children that have ended and been waited for."""
    try:
        times = psutil.Process(pid).cpu_times()
        own_s = times.user + times.system
        if sys.platform == "linux":
            # The process's own clock, because the figures in /proc/<pid>/stat are cut to hundredths of a second. The
            # number is what clock_getcpuclockid(3) returns for the process.
            own_s = float(time.clock_gettime(~pid << 3 | 2))
    except (psutil.NoSuchProcess, OSError):
        return 0.0
    return float(own_s + times.children_user + times.children_system)
