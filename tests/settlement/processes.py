"""Runs a function in several operating-system processes at once."""

import multiprocessing
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections

_JOIN_TIMEOUT_S = 60.0


def processes_run(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Calls the function in a forked process for each tuple, all at the same moment. Returns the results.

    No connection to the database may be open; the fixture `forkable` closes them.
    """
    connections.close_all()
    context = multiprocessing.get_context("fork")
    start, results = context.Barrier(len(arguments)), context.Queue()
    processes = [
        context.Process(target=_child, args=(number, function, own, start, results))
        for number, own in enumerate(arguments)
    ]
    for process in processes:
        process.start()
    found = dict(results.get(timeout=_JOIN_TIMEOUT_S) for _ in processes)
    for process in processes:
        process.join(_JOIN_TIMEOUT_S)
        assert process.exitcode == 0
    assert not [result for result in found.values() if isinstance(result, BaseException)], found
    return [found[number] for number in range(len(arguments))]


def _child(number: int, function: Callable[..., Any], own: tuple[Any, ...], start: Any, results: Any) -> None:
    try:
        start.wait(_JOIN_TIMEOUT_S)
        results.put((number, function(*own)))
    except BaseException as error:  # noqa: BLE001 - the parent reports it
        results.put((number, RuntimeError(f"{type(error).__name__}: {error}")))
    finally:
        connections.close_all()
