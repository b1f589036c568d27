"""Buckets of the limits that are empty, and stay so for as long as a slow machine takes to send a call."""

from django_redis import get_redis_connection

from kit.limits.buckets import bucket_take, key_hashed
from kit.limits.policies import Policy


def bucket_empty(policy: Policy, *, key: str, debt_s: float = 60.0) -> None:
    """Takes all there is, and what comes in for so long: a unit would be back within a tenth of a second."""
    bucket_take(policy, key=key, units=policy.quota)
    # The one number of the bucket: when it is full again.
    get_redis_connection().incrbyfloat(f"wallet:throttled:{policy.name}:{key_hashed(key)}", debt_s)
