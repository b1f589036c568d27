"""Keeps requests from waiting for a server that is away: after a failure it is left alone for a while."""

import threading
import time

import structlog

log = structlog.get_logger(__name__)


class CircuitBreaker:
    """Closed while the server answers. Open after a failure: then one caller in `rest_s` seconds tries it again."""

    def __init__(self, name: str, *, rest_s: float) -> None:
        self._name = name
        self._rest_s = rest_s
        self._lock = threading.Lock()
        self._is_open = False
        self._rests_until_s = 0.0

    def may_try(self) -> bool:
        """Whether the caller shall ask the server, and then say `succeeded` or `failed`."""
        if not self._is_open:
            return True
        # Held so that of a crowd whose rest is over only one pays for finding out that the server is still away.
        with self._lock:
            now_s = time.monotonic()
            if self._is_open and now_s < self._rests_until_s:
                return False
            self._rests_until_s = now_s + self._rest_s
            return True

    def failed(self, error: Exception) -> None:
        """The server was asked in vain. Logged once for an outage, not for each who met it."""
        # Held so that of several who fail at once one logs it.
        with self._lock:
            is_news = not self._is_open
            self._is_open = True
            self._rests_until_s = time.monotonic() + self._rest_s
        if is_news:
            log.warning("server_away", server=self._name, error=type(error.__cause__ or error).__name__)

    def succeeded(self) -> None:
        if not self._is_open:
            return
        # Held so that one logs it.
        with self._lock:
            is_news = self._is_open
            self._is_open = False
        if is_news:
            log.info("server_back", server=self._name)
