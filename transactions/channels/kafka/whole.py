"""Since when the registry lacks nothing, and finding out that what it lacks is in Postgres by now."""

from datetime import UTC, datetime, timedelta

from kit.cache.link import redis_ask
from kit.cache.lua import Script
from transactions.channels.kafka.gaps import gap_end, gaps_forget
from transactions.channels.kafka.lag import settled_until
from wallets.node_leases import CLOCK_SKEW_MAX_MS

_STATE = "wallet:kafka:state"
#: How far a process may be from the clock of Redis or Postgres.
SKEW = timedelta(milliseconds=2 * CLOCK_SKEW_MAX_MS)

# A server that was started anew may have lost what it was told last, so it counts like one that was wiped.
_SINCE = Script("""
-- KEYS state. Since when nothing was forgotten, in milliseconds of Unix time
local state, run = redis.call('HMGET', KEYS[1], 'run', 'since_ms'), run_id()
if state[1] == run then return state[2] end
local now = digits(clock_ms())
redis.call('HSET', KEYS[1], 'run', run, 'since_ms', now)
return now
""")

_WHOLE = Script("""
-- KEYS state. ARGV since when nothing was forgotten: what was of before is missing no more, if that still is the moment
local state = redis.call('HMGET', KEYS[1], 'run', 'since_ms')
if state[1] == run_id() and state[2] == ARGV[1] then redis.call('HSET', KEYS[1], 'since_ms', 0) end
""")


def whole_since() -> datetime:
    """Since when the registry was told of everything that was accepted, and has forgotten nothing. Raises
    RedisAwayError."""
    return _with_gaps(_since_ms())


def _since_ms() -> bytes:
    since_ms = redis_ask(lambda client: _SINCE(client, [_STATE]))
    assert isinstance(since_ms, bytes)  # noqa: S101 - the script returns nothing else
    return since_ms


def _with_gaps(since_ms: bytes) -> datetime:
    since = datetime.fromtimestamp(int(since_ms) / 1_000, tz=UTC)
    return max(since, gap_end() or since)


def make_whole() -> bool:
    """Finds out whether all that could be missing has reached Postgres. Raises RedisAwayError."""
    # Before all else: a wipe that comes after this look is not made good by it.
    since_ms = _since_ms()
    settled = settled_until(_with_gaps(since_ms) + SKEW)
    if settled is None:
        return False
    gaps_forget(until=settled - SKEW)
    redis_ask(lambda client: _WHOLE(client, [_STATE], since_ms))
    return True
