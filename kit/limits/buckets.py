"""Token buckets for the rate limits: shared by all processes in Redis, or local to this process while Redis is down.

`kit.limits.gcra` has the algorithm. Without Redis every process counts alone, so each gets an equal share of the quota
(`THROTTLE_PROCESSES`): the site still refuses floods and still serves everyone else.
"""

import hashlib
import math
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from kit.limits.gcra import SCRIPT, Decision, LocalBuckets, Take, decision_of
from kit.limits.policies import Policy
from kit.redis.circuit_breaker import CircuitBreaker
from kit.redis.pipeline import MalformedReplyError, RedisCommand, commands_run, script_command
from telemetry import metrics

#: Used while Redis is down. Clients that change their address all the time must not exhaust memory: 50 000
#: buckets take about 20 MB.
local_buckets = LocalBuckets(keys_max=50_000)
#: Those of `bucket_take_apart`.
buckets_apart = LocalBuckets(keys_max=50_000)
#: Whether the limits may ask Redis. The form limits (`kit.limits.forms`) share it.
redis_breaker = CircuitBreaker("Redis of the limits", rest_s=2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a request may pass, and the state of its bucket afterwards."""

    policy: Policy
    is_refused: bool
    #: The size of the bucket in units: the site's quota, or this process's share of it while Redis is down.
    quota: int
    remaining: int
    #: Whole seconds, at least 1. If refused: until the request can succeed. If not: until the next unit flows in.
    wait_s: int


def bucket_command(policy: Policy, *, key: str, units: int = 1) -> RedisCommand:
    """The command by which `bucket_take` takes the units, for sending it together with other commands."""
    take = _take(policy, quota=quota_shared(policy), units=units)
    return script_command(SCRIPT, [f"wallet:throttled:{policy.name}:{key_hashed(key)}"], take.arguments())


def bucket_take(policy: Policy, *, key: str, units: int = 1, command: RedisCommand | None = None) -> Verdict:
    """Takes the units from the policy's bucket for this key, or nothing if it holds fewer.

    A request for more than a full bucket holds takes a full bucket. If `bucket_command` was already sent, pass it as
    `command`: its reply is used, and nothing is taken twice. Without Redis the units come from the local bucket.
    """
    command = command or bucket_command(policy, key=key, units=units)
    if command.is_done or _command_run(command):
        with suppress(MalformedReplyError):
            return _verdict(policy, quota=quota_shared(policy), decision=decision_of(command.reply))
    return bucket_take_local(policy, key=key, units=units)


def bucket_take_local(policy: Policy, *, key: str, units: int = 1) -> Verdict:
    """Takes the units from this process's own bucket, which holds its share of the quota."""
    metrics.throttle_fallbacks.labels(policy=policy.name).inc()
    quota = math.ceil(quota_shared(policy) / settings.THROTTLE_PROCESSES)
    take = _take(policy, quota=quota, units=units)
    decision = local_buckets.take(f"{policy.name}:{key_hashed(key)}", take)
    return _verdict(policy, quota=quota, decision=decision)


def bucket_take_apart(policy: Policy, *, key: str, units: int = 1, quotas: int) -> Verdict:
    """Takes the units from a bucket of this process that has nothing to do with the one in Redis. It holds `quotas`
    times the policy's quota."""
    quota = quota_shared(policy) * quotas
    decision = buckets_apart.take(f"{policy.name}:{key}", _take(policy, quota=quota, units=units))
    return _verdict(policy, quota=quota, decision=decision)


def quota_shared(policy: Policy) -> int:
    """The policy's quota on this site, all processes together: scaled by `THROTTLE_SCALE`, at least 1."""
    return max(1, int(policy.quota * settings.THROTTLE_SCALE))


def key_hashed(key: str) -> str:
    """A keyed hash of the name or address in `key`: Redis must not hold personal data, not even in a form that
    guessing can reverse."""
    secret = settings.SECRET_KEY.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
    return hashlib.blake2b(key.encode(), key=secret, digest_size=16).hexdigest()


def _take(policy: Policy, *, quota: int, units: int) -> Take:
    return Take(interval_s=policy.window_s / quota, quota=quota, units=min(units, quota))


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


def _verdict(policy: Policy, *, quota: int, decision: Decision) -> Verdict:
    next_unit_after_s = decision.full_after_s - (quota - decision.remaining - 1) * policy.window_s / quota
    wait_s = decision.retry_after_s if decision.is_refused else next_unit_after_s
    return Verdict(
        policy=policy,
        is_refused=decision.is_refused,
        quota=quota,
        remaining=decision.remaining,
        wait_s=max(1, math.ceil(wait_s)),
    )
