"""Reading ahead: what a request will need as soon as it is known who asks is looked up together with that.

A look at the cache is mostly the way to Redis and back, and one look can take several names, and commands beside.
Nothing is shown to anybody before it is known who asks, and whose it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kit.cache.protocol import Load, cache_read_many
from kit.redis.pipeline import RedisCommand


def _nothing(_: Sequence[str]) -> Mapping[str, bytes | None]:
    return {}


@dataclass(slots=True, kw_only=True)
class Ahead:
    """The names that will be needed, and how they are loaded; `found` holds them once they were looked up. `beside` are
    the commands that go the same way."""

    names: Sequence[str] = ()
    load: Load = _nothing
    beside: list[RedisCommand] = field(default_factory=list)
    found: dict[str, bytes | None] = field(default_factory=dict)


def read_with(name: str, *, load: Load, ahead: Ahead | None) -> bytes | None:
    """The object of this name, and in the same look what lies ahead."""
    if ahead is None:
        return cache_read_many([name], load=load)[name]

    def load_each(names: Sequence[str]) -> Mapping[str, bytes | None]:
        others = [other for other in names if other != name]
        return {**(load([name]) if name in names else {}), **(ahead.load(others) if others else {})}

    found = cache_read_many([name, *ahead.names], load=load_each, beside=ahead.beside)
    ahead.found = {other: found[other] for other in ahead.names}
    return found[name]


def read_from(ahead: Ahead | None, name: str, *, load: Load) -> bytes | None:
    """The object of this name, if it was looked up ahead; else from the cache."""
    if ahead is not None and name in ahead.found:
        return ahead.found[name]
    return cache_read_many([name], load=load)[name]
