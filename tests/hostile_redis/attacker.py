"""Somebody who can read and write Redis, and knows how the site stores things there. They have no key of the site."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django_redis import get_redis_connection


class Attacker:
    """Finds keys by looking, as anybody with access would."""

    def __init__(self) -> None:
        self.redis: Any = get_redis_connection()

    def keys(self, part: str = "") -> list[bytes]:
        """The keys that contain this text."""
        return sorted(key for key in self.redis.scan_iter(count=1_000) if part.encode() in key)

    def entries(self, kind: str) -> dict[bytes, bytes]:
        """The slots of cached objects of this kind, such as "token", that hold a value."""
        return {key: value for key in self.keys(f":entry:{kind}:") if (value := self.redis.get(key)).startswith(b"V")}

    def entry(self, kind: str) -> tuple[bytes, bytes]:
        """The only such slot."""
        [found] = self.entries(kind).items()
        return found

    def put(self, key: bytes, value: bytes) -> None:
        """Writes a value. It lasts as long as the attacker likes."""
        self.redis.set(key, value, ex=86_400)

    def forge(self, name: str, content: bytes) -> None:
        """Writes a cached object as the site did before values were sealed."""
        [state] = self.keys("cache:state")
        generation: bytes = self.redis.hget(state, "generation")
        self.put(state.removesuffix(b"state") + b"entry:" + name.encode(), b"V" + generation + content)


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def pickled(path: Path) -> bytes:
    return pickle.dumps(Payload(path))


def bit_flips(value: bytes) -> Iterator[bytes]:
    """The value with each of its bits flipped, one at a time."""
    for position in range(len(value)):
        for bit in range(8):
            flipped = bytearray(value)
            flipped[position] ^= 1 << bit
            yield bytes(flipped)
