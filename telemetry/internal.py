"""The internal port: /livez, /metrics and, for the site, /readyz in detail. Never publish it.

It answers while every thread that serves users is busy or their sockets are under attack, because it shares neither
with them.
"""

import http
import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from telemetry import metrics
from telemetry.listening import internal_listen

logger = logging.getLogger(__name__)

#: Seconds that a client may take for its request.
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The answer of a probe."""

    body: bytes
    content_type: str
    status: int = http.HTTPStatus.OK


Probe = Callable[[], Reading]


def reading_json(data: object, *, status: int = http.HTTPStatus.OK) -> Reading:
    return Reading(body=json.dumps(data).encode(), content_type="application/json", status=status)


def alive() -> Reading:
    """Depends on nothing: if it failed because Postgres is down, restarting the process would not help."""
    return reading_json({"status": "alive"})


def measured() -> Reading:
    """All metrics for Prometheus."""
    body, content_type = metrics.exposition()
    return Reading(body=body, content_type=content_type)


#: What every process answers.
PROBES: Mapping[str, Probe] = {"/livez": alive, "/metrics": measured}


def internal_serve(*, bind: str, probes: Mapping[str, Probe] = PROBES) -> None:
    """Answers the probes at `bind` (host:port), in threads. An empty `bind` serves nothing. Raises OSError if the port
    is taken."""
    if bind:
        internal_answer(internal_listen(bind), probes=probes)


def internal_answer(listener: socket.socket, *, probes: Mapping[str, Probe]) -> None:
    """Answers the probes in threads of this process."""

    class Handler(_Handler):
        answers = probes

    server = _Server(listener.getsockname()[:2], Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    threading.Thread(target=server.serve_forever, name="internal", daemon=True).start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library calls it
        """A client that hangs up is nobody's fault; a probe that fails is ours."""
        if not isinstance(sys.exception(), OSError):
            logger.warning("A probe on the internal port failed.", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    answers: Mapping[str, Probe]
    timeout = _TIMEOUT_S
    server_version = "wallet"
    sys_version = ""

    def do_GET(self) -> None:
        probe = self.answers.get(self.path.partition("?")[0])
        if probe is None:
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return
        reading = probe()
        self.send_response(reading.status)
        self.send_header("Content-Type", reading.content_type)
        self.send_header("Content-Length", str(len(reading.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reading.body)

    do_HEAD = do_GET  # noqa: N815 - the library's names

    def log_message(self, *args: Any) -> None:
        """Probes come every few seconds; nobody reads a line about each."""
