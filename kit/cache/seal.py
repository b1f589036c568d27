"""Seals what is stored in Redis: a value is read back only if a process of this site stored it, under this name, within
the last five minutes. Nobody else can read it.

Redis is not trusted. Whoever can write to it may delete what is cached, and put back what we stored less than five
minutes ago. They cannot make up a value, change one, or move it to another name. The key is derived from SECRET_KEY and
from the identity of the database (`kit.redis.identity`), so a value of another installation, or from before a backup
was restored, does not open.

Sealed values are encrypted as well, because sessions hold secrets: while a user resets a password or sets up a second
factor, reading their session would be enough to take over the account.
"""

import hmac
import json
import os
import time
from enum import Enum, unique
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from kit.redis.identity import identity
from telemetry import metrics

#: Older values are not accepted, whoever stored them again.
AGE_MAX_MS = 300_000
#: How far the clocks of two hosts may differ. With a larger difference, values of the host whose clock is ahead are
#: refused.
SKEW_MAX_MS = 5_000
_TIME_BYTES, _NONCE_BYTES, _TAG_BYTES = 8, 12, 16
_HEAD_BYTES = _TIME_BYTES + _NONCE_BYTES
_KEY_BYTES = 32
#: Each key seals for a day: nonces are random, and GCM allows 2^32 of them for one key.
_DAY_MS = 86_400_000


@unique
class Kind(Enum):
    """What is sealed. A value of one kind is not accepted as one of another, even under the same name."""

    #: A slot of the freshness protocol.
    ENTRY = "entry"
    #: An immutable value.
    VALUE = "value"
    #: A value in Django's own cache.
    DJANGO = "django"


def now_ms() -> int:
    """The time that seals contain: milliseconds of Unix time, by this host's clock."""
    return time.time_ns() // 1_000_000


def seal(kind: Kind, name: str, content: bytes, *, at_ms: int | None = None) -> bytes:
    """Seals the content for this name. `at_ms` is when it was read from Postgres; without it, now.

    Raises IdentityUnknownError.
    """
    at_ms = now_ms() if at_ms is None else at_ms
    at, nonce = at_ms.to_bytes(_TIME_BYTES), os.urandom(_NONCE_BYTES)
    return at + nonce + _cipher(kind, at_ms).encrypt(nonce, content, at + name.encode())


def unseal(kind: Kind, name: str, sealed: object) -> bytes | None:
    """The content, if it was sealed by this site for this kind and name within the last five minutes. Otherwise None,
    and the refusal is counted.

    Raises IdentityUnknownError.
    """
    content, reason = _opened(kind, name, sealed)
    if reason is not None:
        metrics.cache_values_refused.labels(reason=reason).inc()
        return None
    return content


def _opened(kind: Kind, name: str, sealed: object) -> tuple[bytes, str | None]:
    """The content, or why it is refused."""
    if not isinstance(sealed, bytes) or len(sealed) < _HEAD_BYTES + _TAG_BYTES:
        return b"", "forged"
    at, nonce = sealed[:_TIME_BYTES], sealed[_TIME_BYTES:_HEAD_BYTES]
    at_ms = int.from_bytes(at)
    try:
        content = _cipher(kind, at_ms).decrypt(nonce, sealed[_HEAD_BYTES:], at + name.encode())
    except InvalidTag:
        return b"", "forged"
    age_ms = now_ms() - at_ms
    if age_ms > AGE_MAX_MS:
        return b"", "old"
    return content, None if age_ms >= -SKEW_MAX_MS else "early"


def _cipher(kind: Kind, at_ms: int) -> AESGCM:
    keys = settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS
    return _cipher_made(kind, at_ms // _DAY_MS, keys, identity().bytes)


@lru_cache(64)
def _cipher_made(kind: Kind, day: int, secret_keys: tuple[str, ...], database: bytes) -> AESGCM:
    """The key depends on the fallbacks as well. While keys are replaced, a process reads only values of those that
    accept the same keys: a cached user carries what tells whether a session is still good, one value per key."""
    purpose = f"kit.cache.seal {kind.value} {day} ".encode() + database
    return AESGCM(hmac.digest(json.dumps(secret_keys).encode(), purpose, "sha512")[:_KEY_BYTES])
