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
from throttled import RateLimitResult, Throttled, per_duration
from throttled.exceptions import StoreUnavailableError
from throttled.store import MemoryStore, RedisStore

from telemetry import metrics
from wallets.breaker import Breaker
from wallets.policies import Policy

#: A limit is not worth waiting for: a Redis that takes longer counts as away.
_TIMEOUT_S = 0.5
#: How many buckets a process keeps for itself; the ones that were used longest ago make room.
_LOCAL_BUCKETS_MAX = 50_000
#: What limits know of Redis. The forms' counters (`wallets.limits`) share it.
redis_breaker = Breaker("Redis of the limits", rest_s=2.0)


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


def bucket_take(policy: Policy, *, key: str, cost: int = 1) -> Verdict:
    """Takes `cost` units out of the policy's bucket for this key, or none if it holds less."""
    if redis_breaker.may_try():
        try:
            verdict = _take(policy, key, cost, redis_url=settings.REDIS_URL, quota=quota_shared(policy))
        except (StoreUnavailableError, OSError) as error:
            redis_breaker.failed(error)
        else:
            redis_breaker.succeeded()
            return verdict
    return bucket_take_alone(policy, key=key, cost=cost)


def bucket_take_alone(policy: Policy, *, key: str, cost: int = 1) -> Verdict:
    """The same out of this process's own bucket, which holds its share: others may be asked by the same client."""
    metrics.throttle_fallbacks.labels(policy=policy.name).inc()
    quota = math.ceil(quota_shared(policy) / settings.THROTTLE_PROCESSES)
    return _take(policy, key, cost, redis_url=None, quota=quota)


def quota_shared(policy: Policy) -> int:
    """The policy's quota on this site."""
    return max(1, int(policy.quota * settings.THROTTLE_SCALE))


def key_hashed(key: str) -> str:
    """Names and addresses of people have no business in Redis, not even where they could be guessed from a hash."""
    secret = settings.SECRET_KEY.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
    return hashlib.blake2b(key.encode(errors="surrogatepass"), key=secret, digest_size=16).hexdigest()


def _take(policy: Policy, key: str, cost: int, *, redis_url: str | None, quota: int) -> Verdict:
    limiter = _limiter(quota, policy.window_s, redis_url)
    # No request costs more than a full bucket holds: it could never pass.
    result = limiter.limit(f"{policy.name}:{key_hashed(key)}", cost=min(cost, quota))
    return Verdict(
        policy=policy,
        is_refused=result.limited,
        quota=quota,
        remaining=result.state.remaining,
        wait_s=_wait_s(result, unit_s=policy.window_s / quota),
    )


def _wait_s(result: RateLimitResult, *, unit_s: float) -> int:
    state = result.state
    until_s = state.retry_after if result.limited else state.reset_after - (state.limit - state.remaining - 1) * unit_s
    return max(1, math.ceil(until_s))


@cache
def _limiter(quota: int, window_s: int, redis_url: str | None) -> Throttled:
    timeouts = {"SOCKET_TIMEOUT": _TIMEOUT_S, "SOCKET_CONNECT_TIMEOUT": _TIMEOUT_S}
    store = RedisStore(redis_url, timeouts) if redis_url else _local
    rate = per_duration(timedelta(seconds=window_s), limit=quota, burst=quota)
    return Throttled(using="gcra", quota=rate, store=store, key_prefix="wallet:throttled")


_local = MemoryStore(options={"MAX_SIZE": _LOCAL_BUCKETS_MAX})
