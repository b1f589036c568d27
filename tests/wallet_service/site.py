"""The site in its own process, served by gunicorn with the Postgres role of processes without books."""

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection

from tests import servers
from tests.rpc.server import free_port
from tests.settlement.waiting import wait_until
from wallet_project.embedded import WEB_ROLE

#: The key that the service and its web processes share.
KEY = "a-key-that-the-service-and-the-site-share-in-tests-0123456789"
_SERVED = re.compile(r"Listening at: http://127\.0\.0\.1:([0-9]+)")
_TIMEOUT_S = 60


def role_url() -> str:
    """The URL of the tests' database, with the role of the web processes."""
    return servers.role_url(WEB_ROLE, database=connection.settings_dict["NAME"])


class Site:
    """A site process on a free port, which uses the wallet service at `service`."""

    def __init__(self, *, log: Path, service: str, **environment: str) -> None:
        self._log = log
        self.port = 0
        self.internal_port = free_port()
        internal = {"INTERNAL_BIND": f"127.0.0.1:{self.internal_port}"}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", "wallet_project/gunicorn.py", "wallet_project.wsgi"],
                cwd=settings.BASE_DIR,
                env=_environment(service) | internal | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_until_up(self) -> "Site":
        def is_up() -> bool:
            assert self.process.poll() is None, self.output()
            found = _SERVED.search(self.output())
            self.port = int(found[1]) if found else 0
            return bool(self.port) and self._status("/livez") == 200

        wait_until(is_up, what="the site is up")
        return self

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def terminate(self) -> None:
        self.process.terminate()
        self.process.wait(_TIMEOUT_S)

    def _status(self, path: str) -> int | None:
        try:
            return Visitor(self.port).get(path).status_code
        except OSError:
            return None


@dataclass(frozen=True)
class Answer:
    """An answer, with those parts of the response of Django's test client that the tests use."""

    status_code: int
    headers: http.client.HTTPMessage
    content: bytes

    def __getitem__(self, name: str) -> str:
        return self.headers[name]

    def __contains__(self, name: str) -> bool:
        return name in self.headers

    def has_header(self, name: str) -> bool:
        return name in self.headers

    def get(self, name: str, default: str | None = None) -> str | None:
        return self.headers.get(name, default)

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Visitor:
    """A browser or a program. It keeps cookies, sends the CSRF token with forms, and does not follow redirects.

    Takes what Django's test client takes, so that tests written for the one run with the other.
    """

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return self._send("GET", f"{path}?{urlencode(query)}" if query else path, b"", headers or {})

    def post(
        self,
        path: str,
        data: Mapping[str, str] | bytes = b"",
        content_type: str = "application/x-www-form-urlencoded",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        if not isinstance(data, bytes):
            data = urlencode({**data, "csrfmiddlewaretoken": self.cookies.get("csrftoken", "")}).encode()
        return self._send("POST", path, data, {"Content-Type": content_type, **(headers or {})})

    def generic(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self._send(method, path, b"", headers or {})

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
        sent = {**headers, "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        try:
            connection.request(method, path, body or None, sent if self.cookies else dict(headers))
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return answer


def _environment(service: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    return kept | {
        "DATABASE_URL": role_url(),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "WALLET_SERVICE": f"grpc://{service}",
        "WALLET_SERVICE_KEY": KEY,
        "BIND": "127.0.0.1:0",
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": "4",
        "CACHE_TRUST_MS": "60000",
        "LOG_FORMAT": "json",
        "THROTTLE_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
    }
