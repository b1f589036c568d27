"""The algorithm of the rate limits (GCRA), twice: as a script that Redis runs, and in this process.

A bucket holds `quota` units. It starts full, and one unit flows in every `interval_s` seconds. One number describes it:
the time at which it will be full again. A take reads that number and moves it forward in one step, so that no two
requests can take the same unit. Both versions give the same answers; `tests/throttling/test_gcra.py` compares them.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kit.redis.pipeline import Argument, MalformedReplyError

#: The first line of the script. It is apart so that tests can put a clock of their own in its place.
SCRIPT_CLOCK = "local time = redis.call('TIME')"
#: KEYS the bucket; ARGV interval_s, quota, units.
#: Returns {1 if refused else 0, units left, seconds until the bucket is full, seconds until a retry can succeed}.
SCRIPT_TAKE = """
local interval_s, quota, units = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
-- Seconds since 2025: a double then still holds fractions of a microsecond.
local now_s = time[1] - 1735660800 + time[2] / 1000000
local window_s = quota * interval_s
local missing_s = math.max((redis.call('GET', KEYS[1]) or 0) - now_s, 0)
-- Even an empty bucket is full after one window, give or take a rounding error. A longer time means that the clock was
-- put back, as when a replica with a slower clock takes over. Count the bucket as empty by the new clock; otherwise it
-- would refuse every request until the old time comes round again.
if missing_s > window_s + 0.001 then
    missing_s = window_s
    redis.call('SET', KEYS[1], now_s + window_s, 'EX', math.ceil(window_s))
end
local left = math.max(math.floor(quota - missing_s / interval_s), 0)
if left < units then
    return {1, left, tostring(missing_s), tostring(missing_s - (quota - units) * interval_s)}
end
missing_s = missing_s + units * interval_s
redis.call('SET', KEYS[1], now_s + missing_s, 'EX', math.ceil(missing_s))
return {0, left - units, tostring(missing_s), '0'}
"""
SCRIPT = SCRIPT_CLOCK + SCRIPT_TAKE
_ROUNDING_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One take of `units` from a bucket of `quota` units, one of which flows in every `interval_s` seconds."""

    interval_s: float
    quota: int
    #: At most `quota`; more could never be taken.
    units: int

    def arguments(self) -> tuple[Argument, ...]:
        """ARGV of the script."""
        return self.interval_s, self.quota, self.units


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of a take. A refused take leaves the bucket as it was."""

    is_refused: bool
    #: Whole units that the bucket holds now.
    remaining: int
    full_after_s: float
    #: When a refused take can succeed; 0 if it was not refused.
    retry_after_s: float


def decision_of(reply: Sequence[Any]) -> Decision:
    """The script's reply as a Decision. Raises MalformedReplyError for what the script never returns."""
    try:
        refused, remaining, full_after_s, retry_after_s = reply
        waits_s = float(full_after_s), float(retry_after_s)
        if not (isinstance(remaining, int) and all(map(math.isfinite, waits_s))):
            raise ValueError(reply)
    except (TypeError, ValueError) as error:
        raise MalformedReplyError("Redis did not answer what the script returns.") from error
    return Decision(is_refused=bool(refused), remaining=remaining, full_after_s=waits_s[0], retry_after_s=waits_s[1])


class LocalBuckets:
    """Buckets in the memory of this process, safe to use from many threads.

    It keeps at most `keys_max` buckets. To make room it drops the least recently used one, which is full if it is used
    again. `clock_s` may be any clock that counts seconds.
    """

    def __init__(self, *, keys_max: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._keys_max = keys_max
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._full_at_s: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at_s)

    def clear(self) -> None:
        """Makes every bucket full."""
        with self._lock:
            self._full_at_s.clear()

    def take(self, key: str, take: Take) -> Decision:
        """Takes the units from the bucket `key`, or nothing if it holds fewer."""
        # Two threads must not read the same number and take the same unit.
        with self._lock:
            return self._take(key, take)

    def _take(self, key: str, take: Take) -> Decision:
        # Line by line what the script does; its comments hold here too.
        now_s = self._clock_s()
        window_s = take.quota * take.interval_s
        missing_s = max(self._full_at_s.get(key, now_s) - now_s, 0.0)
        if missing_s > window_s + _ROUNDING_S:
            missing_s = window_s
            self._store(key, now_s + window_s)
        left = max(math.floor(take.quota - missing_s / take.interval_s), 0)
        if left < take.units:
            retry_after_s = missing_s - (take.quota - take.units) * take.interval_s
            self._touch(key)
            return Decision(is_refused=True, remaining=left, full_after_s=missing_s, retry_after_s=retry_after_s)
        missing_s += take.units * take.interval_s
        self._store(key, now_s + missing_s)
        return Decision(is_refused=False, remaining=left - take.units, full_after_s=missing_s, retry_after_s=0.0)

    def _store(self, key: str, full_at_s: float) -> None:
        self._full_at_s[key] = full_at_s
        self._touch(key)
        if len(self._full_at_s) > self._keys_max:
            self._full_at_s.popitem(last=False)

    def _touch(self, key: str) -> None:
        if key in self._full_at_s:
            self._full_at_s.move_to_end(key)
