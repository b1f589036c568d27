"""Taking what a request costs out of whose bucket it is; the same buckets whichever door the request came to."""

from kit.limits.buckets import Verdict, bucket_take
from kit.limits.policies import Cost
from kit.redis.pipeline import RedisCommand
from telemetry import metrics


def user_key(user_id: int) -> str:
    """The bucket of a person, whatever token or browser the request comes with."""
    return f"user {user_id}"


def address_key(network: str) -> str:
    """The bucket of everybody who comes from there (`kit.limits.addresses`)."""
    return f"address {network}"


def name_key(name: str) -> str:
    """The bucket of whoever is called so, however the name is typed: those who sign in are looked up alike."""
    return f"name {name.strip().lower()}"


def cost_take(cost: Cost, *, key: str, items: int = 1, command: RedisCommand | None = None) -> Verdict:
    """Takes what a request of so many items costs, or nothing where the bucket holds less. `command` is the one for
    this, if it was sent before."""
    units = cost.units if cost.per_item_in is None else cost.units * max(1, items)
    verdict = bucket_take(cost.policy, key=key, units=units, command=command)
    if verdict.is_refused:
        metrics.throttled.labels(policy=cost.policy.name).inc()
    return verdict
