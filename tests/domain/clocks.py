"""Clocks that tests control, and leases granted without a database."""

from dataclasses import dataclass, field

from wallets.domain.ids import EPOCH_MS, NodeSpan

START_MS = EPOCH_MS + 1_000_000_000
LEASE_MS = 300_000


@dataclass(slots=True)
class Clock:
    """A clock that only moves when a test sets it or code sleeps. Each sleep also adds the next of `jumps`."""

    now_ms: int = START_MS
    jumps: list[int] = field(default_factory=list)
    slept_ms: int = 0

    def __call__(self) -> int:
        return self.now_ms

    def sleep(self, seconds: float) -> None:
        duration_ms = round(seconds * 1_000)
        self.slept_ms += duration_ms
        self.now_ms += duration_ms + (self.jumps.pop(0) if self.jumps else 0)


@dataclass(slots=True)
class Leases:
    """Grants node numbers like the database: the one that has been free for longest, or else one never leased."""

    clock: Clock
    until_ms: dict[int, int] = field(default_factory=dict)
    granted: list[NodeSpan] = field(default_factory=list)

    def take(self) -> NodeSpan:
        now_ms = self.clock()
        free = sorted((until_ms, node) for node, until_ms in self.until_ms.items() if until_ms <= now_ms)
        since_ms, node = free[0] if free else (now_ms, len(self.until_ms))
        self.until_ms[node] = now_ms + LEASE_MS
        span = NodeSpan(node=node, since_ms=since_ms, until_ms=now_ms + LEASE_MS)
        self.granted.append(span)
        return span
