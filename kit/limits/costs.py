"""Takes a request's cost from a bucket. REST and gRPC use the same keys, and so the same buckets."""

import unicodedata

from kit.limits.buckets import Verdict, bucket_take, bucket_take_apart
from kit.limits.policies import Cost
from kit.redis.pipeline import RedisCommand
from telemetry import metrics


def user_key(user_id: int) -> str:
    """The bucket of a user. All their tokens and browsers share it."""
    return f"user {user_id}"


def address_key(network: str) -> str:
    """The bucket of everyone in this network (`kit.limits.addresses`)."""
    return f"address {network}"


def name_key(name: str) -> str:
    """The bucket of a typed-in username or email address. As in sign-in itself, different ways to write the same
    characters share a bucket: case, outer spaces, wide letters."""
    return f"name {unicodedata.normalize('NFKC', name.strip()).casefold()}"


def cost_take(cost: Cost, *, key: str, items: int = 1, command: RedisCommand | None = None) -> Verdict:
    """Takes the cost of a request with this many items, or nothing if the bucket holds less.

    If the command for it was already sent, pass it as `command` (see `bucket_take`).
    """
    return _counted(bucket_take(cost.policy, key=key, units=_units(cost, items), command=command))


def cost_take_apart(cost: Cost, *, key: str, items: int = 1, quotas: int) -> Verdict:
    """Takes the cost from a bucket of `quotas` times the quota that this process keeps apart from Redis, so that nobody
    who may write to Redis can fill it."""
    return _counted(bucket_take_apart(cost.policy, key=key, units=_units(cost, items), quotas=quotas))


def _units(cost: Cost, items: int) -> int:
    return cost.units if cost.per_item_in is None else cost.units * max(1, items)


def _counted(verdict: Verdict) -> Verdict:
    if verdict.is_refused:
        metrics.throttled.labels(policy=verdict.policy.name).inc()
    return verdict
