"""Snowflake ids: 63 bits that sort by time and are unique across processes and hosts.

From the top: 41 bits of milliseconds since EPOCH_MS, 10 bits of node, 12 bits of sequence. Twitter published this
layout in 2010.

The lease makes ids unique, not the clock. A lease grants one node number for one span of *id time*, and no two leases
of a node number overlap. A generator only makes ids whose time lies inside its lease and not before its last id. So a
clock that jumps back or ahead can make it wait, take another lease or refuse, but never repeat an id.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

#: 2026-01-01T00:00:00Z. 41 bits last until 2095.
EPOCH_MS = 1_767_225_600_000
TIME_BITS, NODE_BITS, SEQUENCE_BITS = 41, 10, 12
NODES = 1 << NODE_BITS
_SEQUENCE_MAX = (1 << SEQUENCE_BITS) - 1
_TIME_MAX = (1 << TIME_BITS) - 1

#: If the clock is behind by no more than this, the generator waits for it. If it is further behind, it refuses.
BEHIND_WAIT_MAX_MS = 1_000

#: The largest id, 2^63 - 1.
ID_MAX = 2**63 - 1
# Only ASCII digits: \d and int() accept the digits of every script.
_ID = re.compile(r"[1-9][0-9]{0,18}")


class ClockError(RuntimeError):
    """The clock shows a time for which no id may be made. No id was made, and a later call may succeed."""


@dataclass(frozen=True, slots=True)
class NodeSpan:
    """A lease of a node number, for ids with `since_ms` <= time < `until_ms` (milliseconds of Unix time)."""

    node: int
    since_ms: int
    until_ms: int


def clock_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class SnowflakeGenerator:
    """Makes ids for one process. Safe to use from several threads.

    It calls `lease` for a new span whenever the current one does not cover the clock. `lease` may raise.
    """

    def __init__(self, *, lease: Callable[[], NodeSpan], clock: Callable[[], int] = clock_ms) -> None:
        self._lease = lease
        self._clock = clock
        self._lock = threading.Lock()  # Race: two threads take the same sequence number.
        self._span = NodeSpan(node=0, since_ms=0, until_ms=0)
        self._last_ms = 0
        self._sequence = 0

    def next(self) -> int:
        """Returns the next id. Raises ClockError if the clock is too far behind, and any error of `lease`."""
        with self._lock:
            now_ms = self._covered_now()
            if now_ms > self._last_ms:
                self._last_ms, self._sequence = now_ms, 0
            elif self._sequence < _SEQUENCE_MAX:
                self._sequence += 1
            else:
                # This millisecond is used up. The next one may lie outside the lease, so check it like any other.
                self._last_ms, self._sequence = self._covered_now(self._last_ms + 1), 0
            return _compose(self._last_ms, self._span.node, self._sequence)

    def _covered_now(self, earliest_ms: int = 0) -> int:
        """Returns a time not before the last id or `earliest_ms`, and inside the span. Takes a new lease if needed."""
        now_ms = self._wait_until(max(self._last_ms, earliest_ms))
        if self._span.since_ms <= now_ms < self._span.until_ms:
            return now_ms
        self._span = self._lease()
        now_ms = self._wait_until(max(self._last_ms, earliest_ms, self._span.since_ms))
        if now_ms >= self._span.until_ms:
            raise ClockError("The clock is ahead of the whole lease of its node number.")
        return now_ms

    def _wait_until(self, earliest_ms: int) -> int:
        """Waits for a clock that is a little behind `earliest_ms`. Raises ClockError if it is far behind."""
        now_ms = self._clock()
        while now_ms < earliest_ms:
            # Checked in every turn, because the clock may go back further during the wait.
            if earliest_ms - now_ms > BEHIND_WAIT_MAX_MS:
                raise ClockError(f"The clock is {earliest_ms - now_ms} ms behind the last id.")
            time.sleep((earliest_ms - now_ms) / 1_000)
            now_ms = self._clock()
        return now_ms


def id_read(text: str) -> int | None:
    """The id with these digits, or None if the text is not an id."""
    return int(text) if _ID.fullmatch(text) and int(text) <= ID_MAX else None


def snowflake_time(snowflake: int) -> datetime:
    """When the id was made, in UTC, to the millisecond."""
    unix_ms = (snowflake >> (NODE_BITS + SEQUENCE_BITS)) + EPOCH_MS
    return datetime.fromtimestamp(unix_ms / 1_000, tz=UTC)


def _compose(time_ms: int, node: int, sequence: int) -> int:
    since_epoch_ms = time_ms - EPOCH_MS
    if not 0 <= since_epoch_ms <= _TIME_MAX:
        raise ClockError("The clock is outside the years that an id can hold (2026 to 2095).")
    return (since_epoch_ms << (NODE_BITS + SEQUENCE_BITS)) | (node << SEQUENCE_BITS) | sequence
