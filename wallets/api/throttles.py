"""Limits on guessing passwords and on opening accounts: GCRA in Redis, in this process while Redis is down."""

import hashlib
from functools import cache
from typing import ClassVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from throttled import RateLimitResult, Throttled
from throttled.exceptions import StoreUnavailableError
from throttled.store import MemoryStore, RedisStore

_TIMEOUT_S = 1
_memory = MemoryStore(options={"MAX_SIZE": 10_000})


class GcraThrottle(BaseThrottle):
    """`quota` such as "10/m burst 20" for everything that has the same key."""

    scope: ClassVar[str]
    quota: ClassVar[str]

    def __init__(self) -> None:
        self._wait_s = 0.0

    def key(self, request: Request) -> str | None:
        """What is counted; None for a request that is not."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        key = self.key(request) if settings.THROTTLE_ENABLED else None
        if key is None:
            return True
        # Hashed: names and addresses of people have no business in Redis, and a name may be long.
        result = _limit(self.quota, f"{self.scope}:{hashlib.sha256(key.encode()).hexdigest()}")
        self._wait_s = result.state.retry_after
        return not result.limited

    def wait(self) -> float:
        return self._wait_s


class LoginAddressThrottle(GcraThrottle):
    """One client that tries many names."""

    scope, quota = "login-address", "60/m burst 60"

    def key(self, request: Request) -> str:
        return client_address(request)


class LoginNameThrottle(GcraThrottle):
    """Many clients that try one name. It locks nobody out for longer than the attempts go on."""

    scope, quota = "login-name", "10/m burst 20"

    def key(self, request: Request) -> str | None:
        name = dict(request.data).get("username")
        return name.strip().lower() if isinstance(name, str) else None


class RegisterThrottle(GcraThrottle):
    """One client that opens many accounts."""

    scope, quota = "register", "30/m burst 60"

    def key(self, request: Request) -> str:
        return client_address(request)


def client_address(request: Request) -> str:
    """Where the request comes from: the address that the outermost proxy of ours saw."""
    proxies: int = settings.TRUSTED_PROXIES
    # Only what our own proxies appended can be believed; a client may send the rest.
    seen = request.headers.get("X-Forwarded-For", "").split(",")[-proxies:] if proxies else []
    return (seen[0].strip() if seen else "") or str(request.META.get("REMOTE_ADDR", ""))


def _limit(quota: str, key: str) -> RateLimitResult:
    try:
        return _limiter(quota, settings.REDIS_URL).limit(key)
    except StoreUnavailableError:
        return _limiter(quota, None).limit(key)


@cache
def _limiter(quota: str, redis_url: str | None) -> Throttled:
    store = (
        RedisStore(redis_url, {"SOCKET_TIMEOUT": _TIMEOUT_S, "SOCKET_CONNECT_TIMEOUT": _TIMEOUT_S})
        if redis_url
        else _memory
    )
    return Throttled(using="gcra", quota=quota, store=store, key_prefix="wallet:throttled")
