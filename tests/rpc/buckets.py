"""Empties rate-limit buckets for long enough, so that a call on a slow machine still finds them empty."""

from django_redis import get_redis_connection

from kit.limits.buckets import bucket_take, key_hashed
from kit.limits.policies import Policy


def bucket_empty(policy: Policy, *, key: str, debt_s: float = 60.0) -> None:
    """Empties the bucket, so that requests are refused for at least `debt_s` seconds."""
    bucket_take(policy, key=key, units=policy.quota)
    # The key holds the time at which the bucket will be full again.
    get_redis_connection().incrbyfloat(f"wallet:throttled:{policy.name}:{key_hashed(key)}", debt_s)
