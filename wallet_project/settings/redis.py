"""Redis: the cache and the counters of the rate limits. No money depends on it; wiping it costs only speed. It is not
trusted: what is read from it is sealed, or decides nothing but how fast somebody is served."""

from wallet_project import embedded
from wallet_project.settings.base import env

REDIS_SCHEMES = ("redis", "rediss", "unix")
# Where Redis is: redis://user:password@host:port/number, rediss:// for TLS, or unix://path?db=number.
# Default: the embedded Valkey of `make run`.
REDIS_URL = env.server("REDIS_URL", default=embedded.redis_url(), schemes=REDIS_SCHEMES)
# Path of a PEM file: the certificate authority that signed the certificate of a Redis with rediss://. Empty: those of
# the system. The certificate is always verified, and so is its host name.
REDIS_CA = env.str("REDIS_CA", default="")
_TLS = {"ssl_ca_certs": REDIS_CA} if REDIS_CA and REDIS_URL.startswith("rediss://") else {}

_OPTIONS = {
    # Seconds. Short, because writers ask Redis while they hold locks on wallets.
    "SOCKET_CONNECT_TIMEOUT": 0.5,
    "SOCKET_TIMEOUT": 0.5,
    # redis-py 8 speaks RESP3 by default, and then a TCP pool hands out connections that still hold an unread reply: one
    # request could read another's answer. With RESP2 the pool reconnects instead.
    "CONNECTION_POOL_KWARGS": {"protocol": 2, **_TLS},
}
CACHES = {
    # Values are sealed JSON.
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "kit.cache.django_client.key_make",
        "OPTIONS": {**_OPTIONS, "IGNORE_EXCEPTIONS": True, "CLIENT_CLASS": "kit.cache.django_client.SealedClient"},
    },
    # The counters of the form limits, which Redis itself increases: numbers and nothing else. Exceptions are not
    # ignored, so that the limiter notices that Redis is down and counts in process. The other options must equal those
    # above: django-redis shares one connection pool per URL, and the cache that connects first determines its options.
    "limits": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "wallet:limits",
        "OPTIONS": {**_OPTIONS, "IGNORE_EXCEPTIONS": False, "SERIALIZER": "kit.cache.django_client.NumbersOnly"},
    },
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True

# 0 makes every read ask Postgres, to measure what the cache saves. Writers evict in any case, so that the cache can be
# switched on again at any time.
CACHE_ENABLED = env.bool("CACHE_ENABLED", default=True)
# Seconds after which a fence expires whose writer died, and for which a new (wiped or restarted) Redis is not trusted,
# because it may have lost fences. `manage.py check` requires a quarter more than DATABASE_TRANSACTION_TIMEOUT_MS: a
# commit after its fence has expired would leave an old balance in the cache. The default is one and a half times that
# timeout.
CACHE_FENCE_S = env.float("CACHE_FENCE_S", default=90.0, minimum=1.0, maximum=86_400.0)
# Milliseconds for which readers trust the cache before one of them asks Postgres again. A writer that cannot reach
# Redis waits a little longer than this after its commit, until no reader trusts the old value. Shorter values cost more
# queries, longer ones slow down writes while Redis is down. Must be the same for all processes.
CACHE_TRUST_MS = env.int("CACHE_TRUST_MS", default=300, minimum=1, maximum=60_000)
