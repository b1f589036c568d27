"""Empties buckets of the rate limits for long enough that a slow machine can send a call meanwhile."""

from django_redis import get_redis_connection

from kit.limits.buckets import bucket_take, key_hashed
from kit.limits.policies import Policy


def bucket_empty(policy: Policy, *, key: str, debt_s: float = 60.0) -> None:
    """Takes everything, so that the next request is refused even if it comes only `debt_s` seconds later."""
    bucket_take(policy, key=key, units=policy.quota)
    # The key holds the time at which the bucket will be full again.
    get_redis_connection().incrbyfloat(f"wallet:throttled:{policy.name}:{key_hashed(key)}", debt_s)
