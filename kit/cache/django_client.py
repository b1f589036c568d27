"""Django's own caches on a Redis that is not trusted: no pickles, and nothing unsealed that anybody believes."""

import json
from collections.abc import Collection
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django_redis.client import DefaultClient
from django_redis.serializers.base import BaseSerializer

from kit.cache.seal import Kind, seal, unseal
from kit.redis.identity import redis_key
from kit.redis.pipeline import MalformedReplyError


def key_make(key: str, key_prefix: str, version: int) -> str:
    """A key that belongs to this database."""
    return redis_key(f"django:{key_prefix}:{version}:{key}")


class SealedClient(DefaultClient):  # type: ignore[misc]  # django-redis is untyped
    """Stores values as sealed JSON, for five minutes at most. A value that is not ours counts as missing.

    Numbers are sealed too, so Redis cannot increase them: counters need a cache of their own (`NumbersOnly`).
    """

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None, **options: Any) -> bool:
        content = json.dumps(value, separators=(",", ":")).encode()
        sealed = _Sealed(seal(Kind.DJANGO, self._name(key, version), content))
        return bool(super().set(key, sealed, timeout, version, **options))

    def get(self, key: str, default: Any = None, version: int | None = None, client: Any = None) -> Any:
        found = self.get_many([key], version=version, client=client)
        return found.get(key, default)

    def get_many(self, keys: Collection[str], version: int | None = None, client: Any = None) -> dict[str, Any]:
        found = super().get_many(keys, version=version, client=client)
        opened = {key: unseal(Kind.DJANGO, self._name(key, version), value) for key, value in found.items()}
        return {key: json.loads(content) for key, content in opened.items() if content is not None}

    def encode(self, value: Any, *, allow_int: bool = True) -> bytes:  # noqa: ARG002 - django-redis's signature
        if not isinstance(value, _Sealed):
            raise TypeError("Only `set` stores values in this cache.")
        return bytes(value)

    def decode(self, value: Any) -> Any:
        return value

    def _name(self, key: str, version: int | None) -> str:
        return str(self.make_key(key, version=version))


class _Sealed(bytes):
    """Bytes that `set` has sealed."""


class NumbersOnly(BaseSerializer):  # type: ignore[misc]
    """The serializer of a cache of counters. django-redis stores integers as they are and asks this for all else."""

    def dumps(self, value: Any) -> bytes:
        raise TypeError(f"This cache holds numbers, not {type(value).__name__}.")

    def loads(self, value: bytes) -> Any:  # noqa: ARG002 - django-redis's signature
        raise MalformedReplyError("A counter in Redis is not a number.")
