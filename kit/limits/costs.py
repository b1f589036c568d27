"""Takes a request's cost from a bucket. REST and gRPC use the same keys, and so the same buckets."""

import unicodedata

from kit.limits.buckets import Verdict, bucket_take
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
    units = cost.units if cost.per_item_in is None else cost.units * max(1, items)
    verdict = bucket_take(cost.policy, key=key, units=units, command=command)
    if verdict.is_refused:
        metrics.throttled.labels(policy=cost.policy.name).inc()
    return verdict
