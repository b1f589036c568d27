"""Fills the cache, and finds out what readers get from it."""

from collections.abc import Callable, Sequence

from django_redis import get_redis_connection

from kit.cache.protocol import cache_read, cache_read_many


def remember(names: Sequence[str]) -> None:
    """Caches these objects with the value "old"."""
    assert set(cache_read_many(names, load=lambda missing: dict.fromkeys(missing, b"old")).values()) == {b"old"}
    assert forgotten(names) == set()


def forgotten(names: Sequence[str]) -> set[str]:
    """Returns the names that a reader has to load."""
    loaded: set[str] = set()

    def load(missing: Sequence[str]) -> dict[str, bytes]:
        loaded.update(missing)
        return dict.fromkeys(missing, b"new")

    cache_read_many(names, load=load)
    return loaded


def shown(name: str, *, truth: bytes) -> bytes | None:
    """Returns what a reader gets while `truth` is the value in Postgres."""
    return cache_read(name, load=lambda: truth)


def scripts_run(work: Callable[[], object]) -> int:
    """Returns how many scripts Redis runs during `work`."""

    def calls() -> int:
        return int(get_redis_connection().info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    before = calls()
    work()
    return calls() - before
