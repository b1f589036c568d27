"""The site as gunicorn serves it, in its own process on the tests' database, and clients that send bytes."""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

from tests.rpc.server import database_url, free_port
from tests.settlement.waiting import wait_until

_SERVED = re.compile(r"Listening at: http://127\.0\.0\.1:([0-9]+)")
TIMEOUT_S = 30.0


class Site:
    """One worker with four threads, which is easily occupied."""

    def __init__(self, *, log: Path, **environment: str) -> None:
        self._log = log
        self.port = 0
        self.internal_port = free_port()
        kept = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", "wallet_project/gunicorn.py", "wallet_project.wsgi"],
                cwd=settings.BASE_DIR,
                env=kept
                | {
                    "DATABASE_URL": database_url(),
                    "DJANGO_SETTINGS_MODULE": "tests.settings",
                    "BIND": "127.0.0.1:0",
                    "INTERNAL_BIND": f"127.0.0.1:{self.internal_port}",
                    "WEB_CONCURRENCY": "1",
                    "WEB_THREADS": "4",
                    "LOG_FORMAT": "json",
                    "THROTTLE_ENABLED": "0",
                    "PYTHONUNBUFFERED": "1",
                    # A test that flushes the tables waits for the locks of connections that are kept.
                    "DATABASE_CONN_MAX_AGE_S": "0",
                }
                | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_until_up(self) -> "Site":
        def is_up() -> bool:
            assert self.process.poll() is None, self.output()
            found = _SERVED.search(self.output())
            self.port = int(found[1]) if found else 0
            return bool(self.port) and status_of(self.internal_port, "/livez") == 200

        wait_until(is_up, what="the site is up")
        return self

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def terminate(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def connect(port: int, *, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S, source_address=(source, 0))


def exchange(port: int, request: bytes) -> bytes:
    """Sends these bytes and returns everything until the server closes the connection."""
    with connect(port) as client:
        client.sendall(request)
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    received = b""
    while True:
        try:
            data = client.recv(65_536)
        except ConnectionResetError:
            return received
        if not data:
            return received
        received += data


def get(path: str, *headers: str) -> bytes:
    return request("GET", path, *headers)


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """A request after whose answer the server closes the connection."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def status_of(port: int, path: str) -> int | None:
    """The status of a GET, or None if there is no answer."""
    try:
        return status(exchange(port, get(path)))
    except OSError:
        return None


def status(answer: bytes) -> int | None:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None


def took_s(port: int, path: str) -> float:
    """How long a GET took that was answered with 200."""
    started_s = time.monotonic()
    assert status_of(port, path) == 200
    return time.monotonic() - started_s


def body_of(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head.lower():
        return body
    whole = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return whole
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
