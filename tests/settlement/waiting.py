"""Waits for a condition, for a limited time, and says what did not happen."""

import time
from collections.abc import Callable

_POLL_S = 0.02


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"Waited {timeout_s} s in vain until {what}."
        time.sleep(_POLL_S)
