"""Lets a few callers at a time do work that is expensive for the process. A few more wait, the rest are refused."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kit.errors import Refusal


class TurnstileFull(Refusal):
    """Nothing was done, because too many callers wait already. It may be tried again in a moment."""


class Turnstile:
    """At most `inside_max` callers are inside, and at most `waiting_max` wait for them, each for at most `wait_s`.

    A caller that waits occupies its thread, so the limit on waiting is what keeps threads free for other requests.
    """

    def __init__(self, *, inside_max: int, waiting_max: int, wait_s: float) -> None:
        self._admitted = threading.BoundedSemaphore(inside_max + waiting_max)
        self._inside = threading.BoundedSemaphore(inside_max)
        self._wait_s = wait_s

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Raises TurnstileFull at once if too many wait, or after `wait_s` if nobody has left."""
        if not self._admitted.acquire(blocking=False):
            raise TurnstileFull
        try:
            if not self._inside.acquire(timeout=self._wait_s):
                raise TurnstileFull
            try:
                yield
            finally:
                self._inside.release()
        finally:
            self._admitted.release()
