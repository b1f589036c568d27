"""Holds a side's Celery workers, so that accepted transfers pile up and settling them can be measured alone."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from bench.against.side import Side
from bench.cpu import SITE
from bench.stage import WORKER


@contextmanager
def workers_held(side: Side) -> Iterator[Callable[[], None]]:
    """Stops the workers with SIGSTOP; they go on when the yielded function is called, or at the end."""
    held = _workers(side)

    def release() -> None:
        while held:
            with suppress(psutil.NoSuchProcess):
                held.pop().send_signal(signal.SIGCONT)

    for process in held:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)
    try:
        yield release
    finally:
        release()


def _workers(side: Side) -> list[psutil.Process]:
    """The parent first, so that it cannot notice that its children stand still."""
    parent = psutil.Process(side.stage.pids[SITE][WORKER])
    return [parent, *parent.children(recursive=True)]
