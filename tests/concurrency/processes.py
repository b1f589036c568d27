"""Worker processes that use the test's database."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from django.db import connection

from tests.concurrency.crowd import PATIENCE_S


class Worker:
    """One process that runs the jobs of `worker.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.concurrency.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "DATABASE_URL": database_url(),
                "DATABASE_LOCK_TIMEOUT_MS": str(PATIENCE_S * 1_000),
                "DJANGO_SETTINGS_MODULE": "tests.settings",
            },
        )
        self._read = b""

    def start(self, job: str, **arguments: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"job": job, **arguments}).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """The answer to the oldest unanswered job."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = time.monotonic() + PATIENCE_S
        while b"\n" not in self._read:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(descriptor, 1 << 16) if ready else b""
            if not part:
                raise TimeoutError(f"The process did not answer; its exit code is {self._process.poll()}.")
            self._read += part
        line, _, self._read = self._read.partition(b"\n")
        return json.loads(line)

    def kill(self) -> None:
        """Kills the process with kill -9."""
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=PATIENCE_S)


@contextmanager
def workers(count: int) -> Iterator[list[Worker]]:
    """Starts `count` processes, waits until they are connected to the test's database, and kills them at the end."""
    started = [Worker() for _ in range(count)]
    try:
        for worker in started:
            assert worker.answer() == "ready"
        yield started
    finally:
        for worker in started:
            worker.close()


def database_url() -> str:
    """The URL of the test's database, for another process."""
    settings = connection.settings_dict
    user, password, host = (quote(str(settings[name] or ""), safe="") for name in ("USER", "PASSWORD", "HOST"))
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    options = settings["OPTIONS"].get("host")
    query = f"?host={quote(options, safe='')}" if options else ""
    return f"postgres://{user}{':' if password else ''}{password}@{host}{port}/{settings['NAME']}{query}"
