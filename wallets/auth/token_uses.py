"""Notes when API tokens are used, and from where, for their owners to see.

A process notes each token at most once an hour, and a thread of its own writes what was noted. So a request neither
waits for the write nor fails with it, and the cached token stays as it is. If the process dies first, the note is lost.
"""

import threading
import time

import structlog
from django.db import connection

log = structlog.get_logger(__name__)

#: How often a process notes the same token. Postgres writes no more often either (the function `tokens_used`).
_AGAIN_AFTER_S = 3_600.0
#: The same after a write that failed.
_RETRY_AFTER_S = 60.0
#: How long notes are collected before they are written.
_COLLECT_S = 2.0
_REMEMBERED_MAX = 10_000

_lock = threading.Lock()
_next_s: dict[str, float] = {}
_notes: dict[str, str] = {}
_writer: threading.Thread | None = None


def token_use_is_due(*, digest: str) -> bool:
    """Whether `token_used` would note something. Cheap, because it is asked with every request."""
    # Without the lock: two threads may note the same, which changes nothing.
    return time.monotonic() >= _next_s.get(digest, 0.0)


def token_used(*, digest: str, address: str) -> None:
    """Notes that this token is used from this client address, unless this process has noted it within the hour."""
    if not token_use_is_due(digest=digest):
        return
    now_s = time.monotonic()
    with _lock:
        if len(_next_s) >= _REMEMBERED_MAX:
            _next_s.clear()
        _next_s[digest] = now_s + _AGAIN_AFTER_S
        _notes[digest] = address
        _writer_start()


def notes_write() -> None:
    """Writes what was noted so far. A failure is logged; then the next use in a minute is noted again."""
    with _lock:
        notes = dict(_notes)
        _notes.clear()
    if not notes:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tokens_used(%s, %s)", [list(notes), list(notes.values())])
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody waits for this write
        log.warning("token_uses_not_written", count=len(notes), reason=str(error))
        retry_s = time.monotonic() + _RETRY_AFTER_S
        with _lock:
            _next_s.update(dict.fromkeys(notes, retry_s))


def _writer_start() -> None:
    """Starts the thread unless it runs. It is not started earlier, because a thread does not survive a fork."""
    global _writer  # noqa: PLW0603 - one per process
    if _writer is None or not _writer.is_alive():
        _writer = threading.Thread(target=_write_until_done, name="token-uses", daemon=True)
        _writer.start()


def _write_until_done() -> None:
    global _writer  # noqa: PLW0603
    while True:
        time.sleep(_COLLECT_S)
        try:
            notes_write()
        finally:
            connection.close()
        with _lock:
            if not _notes:
                # Whoever notes something from here on starts another thread.
                _writer = None
                return
