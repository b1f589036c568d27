"""Prefetching: what a request will read is fetched together with the lookup of its sender, in one round trip to Redis.

An entry point opens a scope for each request and plans what it will read. The first cached read inside the scope, which
is usually that of the token or the account, fetches the plan too. Nothing that was fetched is shown before the request
is authorised. A fetched value is used once: the next read of the same name asks the cache again, because the request
may have waited or written in between.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from kit.redis.pipeline import RedisCommand

Load = Callable[[Sequence[str]], Mapping[str, bytes | None]]
#: Reads names with one look at the cache, and sends commands along: `kit.cache.protocol`.
Read = Callable[[Sequence[str], Load, Sequence[RedisCommand]], dict[str, bytes | None]]


@dataclass(slots=True)
class _Scope:
    """The plan of one request, and what was fetched for it."""

    loads: dict[str, Load] = field(default_factory=dict)
    commands: list[RedisCommand] = field(default_factory=list)
    found: dict[str, bytes | None] = field(default_factory=dict)


_scope: ContextVar[_Scope | None] = ContextVar("prefetch", default=None)


@contextmanager
def prefetch_scope() -> Iterator[None]:
    """Collects the plans of one request. Outside of a scope, plans are ignored."""
    token = _scope.set(_Scope())
    try:
        yield
    finally:
        _scope.reset(token)


def prefetch_names(names: Sequence[str], *, load: Load) -> None:
    """Plans to read these names; `load` reads from Postgres those that are not cached."""
    scope = _scope.get()
    if scope is not None:
        scope.loads.update(dict.fromkeys(names, load))


def prefetch_command(command: RedisCommand) -> None:
    """Plans to send this command. It is done once the first read has reached Redis."""
    scope = _scope.get()
    if scope is not None:
        scope.commands.append(command)


def command_fetched(wanted: RedisCommand) -> RedisCommand | None:
    """The planned command that equals `wanted`, if it is done."""
    scope = _scope.get()
    if scope is None:
        return None
    return next((one for one in scope.commands if one.is_done and one.arguments == wanted.arguments), None)


def names_read(names: Sequence[str], *, load: Load, read: Read) -> dict[str, bytes | None]:
    """Reads names: from what was fetched, else with `read`. The first read of a scope fetches the plan."""
    scope = _scope.get()
    if scope is None:
        return read(names, load, ())
    found = {name: scope.found.pop(name) for name in names if name in scope.found}
    missing = [name for name in names if name not in found]
    if not missing:
        return found
    loads = {name: planned for name, planned in scope.loads.items() if name not in missing}
    scope.loads = {}
    commands = [command for command in scope.commands if not command.is_done]
    if not loads and not commands:
        return found | read(missing, load, ())

    fetched = read([*missing, *loads], lambda wanted: _load(wanted, loads, load), commands)
    scope.found.update({name: fetched[name] for name in loads})
    return found | {name: fetched[name] for name in missing}


def _load(names: Sequence[str], loads: Mapping[str, Load], load: Load) -> Mapping[str, bytes | None]:
    """Calls each planned load once with its names, and `load` with the others."""
    by_load: dict[Load, list[str]] = {}
    for name in names:
        by_load.setdefault(loads.get(name, load), []).append(name)
    return {name: value for one, own in by_load.items() for name, value in one(own).items()}
