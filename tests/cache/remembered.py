"""Objects in the cache, and what a reader gets of them."""

from collections.abc import Callable, Sequence

from django_redis import get_redis_connection

from kit.cache.protocol import cache_read, cache_read_many


def remember(names: Sequence[str]) -> None:
    """Lets the cache know these objects as they are: "old"."""
    assert set(cache_read_many(names, load=lambda missing: dict.fromkeys(missing, b"old")).values()) == {b"old"}
    assert forgotten(names) == set()


def forgotten(names: Sequence[str]) -> set[str]:
    """Those that a reader would have to load anew."""
    loaded: set[str] = set()

    def load(missing: Sequence[str]) -> dict[str, bytes]:
        loaded.update(missing)
        return dict.fromkeys(missing, b"new")

    cache_read_many(names, load=load)
    return loaded


def shown(name: str, *, truth: bytes) -> bytes | None:
    """What a reader is shown while this is the truth in Postgres."""
    return cache_read(name, load=lambda: truth)


def scripts_run(work: Callable[[], object]) -> int:
    """How many scripts Redis runs meanwhile."""

    def calls() -> int:
        return int(get_redis_connection().info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    before = calls()
    work()
    return calls() - before
