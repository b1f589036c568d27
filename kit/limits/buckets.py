"""Token buckets that all processes share, in Redis; each process's own, and smaller ones, while Redis is away.

The algorithm is GCRA: one number for each bucket (when it will be full again) and Redis's own clock, read and written
by one script, so that no two requests can take the same unit, whichever process they came to.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from django.conf import settings
from django_redis import get_redis_connection
from redis.exceptions import RedisError
from throttled import Throttled, per_duration
from throttled.store import MemoryStore

from kit.limits.policies import Policy
from kit.redis.circuit_breaker import CircuitBreaker
from kit.redis.pipeline import RedisCommand, commands_run, script_command
from telemetry import metrics

_PREFIX = "wallet:throttled"
#: Ours and not throttled-py's, which believes what is stored: with a clock that was put back (another server took over,
#: whose clock is behind) it would refuse everybody for as long as the clock was put back by.
#: Takes the time in which a unit flows in, the quota and the units; answers whether it refuses, what is left, and the
#: seconds until the bucket is full and until the request may come again.
_SCRIPT = """
local interval_s, quota, units = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
-- Counted from 2025, so that a double keeps the fractions of a microsecond.
local now_s = time[1] - 1735660800 + time[2] / 1000000
local missing_s, window_s = math.max((redis.call('GET', KEYS[1]) or 0) - now_s, 0), quota * interval_s
-- No bucket is further from being full than an empty one (but for what is rounded): from now on it fills by this clock.
if missing_s > window_s + 0.001 then
    missing_s = window_s
    redis.call('SET', KEYS[1], now_s + window_s, 'EX', math.ceil(window_s))
end
local left = math.floor(quota - missing_s / interval_s)
if left < units then
    return {1, left, tostring(missing_s), tostring(missing_s - (quota - units) * interval_s)}
end
missing_s = missing_s + units * interval_s
redis.call('SET', KEYS[1], now_s + missing_s, 'EX', math.ceil(missing_s))
return {0, left - units, tostring(missing_s), '0'}
"""
#: How many buckets a process keeps for itself; the ones that were used longest ago make room.
_LOCAL_BUCKETS_MAX = 50_000
#: What limits know of Redis. The forms' counters (`kit.limits.forms`) share it.
redis_breaker = CircuitBreaker("Redis of the limits", rest_s=2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a request may pass, and what its bucket holds."""

    policy: Policy
    is_refused: bool
    #: The units that the bucket holds at most, as it was counted here and now.
    quota: int
    remaining: int
    #: Until the request may come again; for one that passed, until the bucket holds a unit more.
    wait_s: int


def bucket_command(policy: Policy, *, key: str, units: int = 1) -> RedisCommand:
    """For `bucket_take`, to be sent with something else."""
    quota = quota_shared(policy)
    # No request costs more than a full bucket holds: it could never pass.
    arguments = (policy.window_s / quota, quota, min(units, quota))
    return script_command(_SCRIPT, [f"{_PREFIX}:{policy.name}:{key_hashed(key)}"], arguments)


def bucket_take(policy: Policy, *, key: str, units: int = 1, command: RedisCommand | None = None) -> Verdict:
    """Takes `units` units out of the policy's bucket for this key, or none if it holds less. `command` is the one for
    this, if it was sent before."""
    command = command or bucket_command(policy, key=key, units=units)
    if command.is_done or _command_run(command):
        limited, remaining, reset_after_s, retry_after_s = command.reply
        return _verdict(
            policy,
            quota=quota_shared(policy),
            is_refused=bool(limited),
            remaining=remaining,
            reset_after_s=float(reset_after_s),
            retry_after_s=float(retry_after_s),
        )
    return bucket_take_local(policy, key=key, units=units)


def bucket_take_local(policy: Policy, *, key: str, units: int = 1) -> Verdict:
    """The same out of this process's own bucket, which holds its share: others may be asked by the same client."""
    metrics.throttle_fallbacks.labels(policy=policy.name).inc()
    quota = math.ceil(quota_shared(policy) / settings.THROTTLE_PROCESSES)
    result = _limiter(quota, policy.window_s).limit(f"{policy.name}:{key_hashed(key)}", cost=min(units, quota))
    return _verdict(
        policy,
        quota=quota,
        is_refused=result.limited,
        remaining=result.state.remaining,
        reset_after_s=result.state.reset_after,
        retry_after_s=result.state.retry_after,
    )


def quota_shared(policy: Policy) -> int:
    """The policy's quota on this site."""
    return max(1, int(policy.quota * settings.THROTTLE_SCALE))


def key_hashed(key: str) -> str:
    """Names and addresses of people have no business in Redis, not even where they could be guessed from a hash."""
    secret = settings.SECRET_KEY.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
    return hashlib.blake2b(key.encode(), key=secret, digest_size=16).hexdigest()


def _command_run(command: RedisCommand) -> bool:
    if not redis_breaker.may_try():
        return False
    try:
        commands_run(get_redis_connection(), [command])
    except (RedisError, OSError) as error:
        redis_breaker.failed(error)
        return False
    redis_breaker.succeeded()
    return True


def _verdict(
    policy: Policy, *, quota: int, is_refused: bool, remaining: int, reset_after_s: float, retry_after_s: float
) -> Verdict:
    until_s = retry_after_s if is_refused else reset_after_s - (quota - remaining - 1) * policy.window_s / quota
    return Verdict(
        policy=policy, is_refused=is_refused, quota=quota, remaining=remaining, wait_s=max(1, math.ceil(until_s))
    )


@cache
def _limiter(quota: int, window_s: int) -> Throttled:
    rate = per_duration(timedelta(seconds=window_s), limit=quota, burst=quota)
    return Throttled(using="gcra", quota=rate, store=_local, key_prefix=_PREFIX)


_local = MemoryStore(options={"MAX_SIZE": _LOCAL_BUCKETS_MAX})
