"""Runs a function in several threads at once."""

import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connections

_T = TypeVar("_T")


def in_a_thread(function: Callable[[], object]) -> None:
    in_threads(function, count=1)


def in_threads(function: Callable[[], _T], *, count: int = 4) -> list[_T]:
    """Calls the function in `count` threads at once, each with a separate connection. Returns the results."""
    results: list[_T] = []
    failures: list[BaseException] = []
    start = threading.Barrier(count)

    def run() -> None:
        try:
            start.wait(10)
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - the test reports it
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not failures, failures
    return results
