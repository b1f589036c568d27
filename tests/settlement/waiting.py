"""Waiting for a condition, never for a while: bounded, and with words for when it does not come true."""

import time
from collections.abc import Callable

_POLL_S = 0.02


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"Waited {timeout_s} s in vain until {what}."
        time.sleep(_POLL_S)
