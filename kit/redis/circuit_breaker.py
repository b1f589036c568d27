"""Keeps requests from waiting for a server that is down: after a failure, nobody asks it for a while."""

import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class CircuitBreaker:
    """Lets every caller through while the server answers; after a failure, one caller per `rest_s` seconds.

    `clock_s` is any clock that counts seconds and never goes backwards.
    """

    def __init__(self, name: str, *, rest_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._rest_s = rest_s
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._is_open = False
        self._rests_until_s = 0.0

    def may_try(self) -> bool:
        """Whether the caller may ask the server. If so, the caller reports back with `succeeded` or `failed`."""
        if not self._is_open:
            return True
        # Of many callers at the end of the rest, only one must wait to learn that the server is still down.
        with self._lock:
            now_s = self._clock_s()
            if self._is_open and now_s < self._rests_until_s:
                return False
            self._rests_until_s = now_s + self._rest_s
            return True

    @property
    def is_open(self) -> bool:
        """Whether the last caller failed."""
        return self._is_open

    def failed(self, error: Exception) -> None:
        """Reports that the server did not answer. Each outage is logged once."""
        # Of several callers that fail at the same time, only one must log the outage.
        with self._lock:
            is_news = not self._is_open
            self._is_open = True
            self._rests_until_s = self._clock_s() + self._rest_s
        if is_news:
            log.warning("server_away", server=self._name, error=type(error.__cause__ or error).__name__)

    def succeeded(self) -> None:
        """Reports that the server answered. The end of an outage is logged once."""
        if not self._is_open:
            return
        # Of several callers that succeed at the same time, only one must log the end of the outage.
        with self._lock:
            is_news = self._is_open
            self._is_open = False
        if is_news:
            log.info("server_back", server=self._name)
