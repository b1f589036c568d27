"""Prefetching: what a request will need once its user is known is looked up in the same round trip as the user.

Most of the time of a lookup is the round trip to Redis, and one round trip can carry several names and further
commands. Nothing that was prefetched is shown before the user is known and owns it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kit.cache.protocol import Load, cache_read_many
from kit.redis.pipeline import RedisCommand


def _nothing(_: Sequence[str]) -> Mapping[str, bytes | None]:
    return {}


@dataclass(slots=True, kw_only=True)
class Ahead:
    """A prefetch: the names to look up, and `load`, which reads them from Postgres. After the lookup `found` holds
    their objects. The commands `beside` go in the same round trip."""

    names: Sequence[str] = ()
    load: Load = _nothing
    beside: list[RedisCommand] = field(default_factory=list)
    found: dict[str, bytes | None] = field(default_factory=dict)


def read_with(name: str, *, load: Load, ahead: Ahead | None) -> bytes | None:
    """Returns the named object, and looks up the prefetch in the same round trip."""
    if ahead is None:
        return cache_read_many([name], load=load)[name]

    def load_each(names: Sequence[str]) -> Mapping[str, bytes | None]:
        others = [other for other in names if other != name]
        return {**(load([name]) if name in names else {}), **(ahead.load(others) if others else {})}

    found = cache_read_many([name, *ahead.names], load=load_each, beside=ahead.beside)
    ahead.found = {other: found[other] for other in ahead.names}
    return found[name]


def read_from(ahead: Ahead | None, name: str, *, load: Load) -> bytes | None:
    """Returns the named object from the prefetch, if it was looked up there, and else from the cache."""
    if ahead is not None and name in ahead.found:
        return ahead.found[name]
    return cache_read_many([name], load=load)[name]
