"""The site as `make run` starts it: gunicorn and a Celery worker, on the tests' Postgres and Valkey."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from tests.settlement.waiting import wait_until

_STOP_TIMEOUT_S = 60
_SERVED = re.compile(r"Listening at: (http://127\.0\.0\.1:[0-9]+)")


class Site:
    """Two processes; `url` is where the pages and REST are served."""

    def __init__(self, folder: Path) -> None:
        self._web_log, self._worker_log = folder / "web.log", folder / "worker.log"
        self._web = _start(
            self._web_log,
            "gunicorn",
            "--config",
            "wallet_project/gunicorn.py",
            "wallet_project.wsgi",
            BIND="127.0.0.1:0",
        )
        self._worker = _start(
            self._worker_log,
            *("celery", "--app", "wallet_project", "worker", "--loglevel", "INFO"),
            *("--pool", "threads", "--concurrency", "2", "--without-mingle", "--without-gossip"),
        )

    @property
    def url(self) -> str:
        served = _SERVED.search(self._web_log.read_text(errors="replace"))
        return served[1] if served else ""

    def wait_until_up(self) -> "Site":
        self._wait_until(lambda: bool(self.url), what="the site is served")
        self._wait_until(lambda: " ready" in self._worker_log.read_text(errors="replace"), what="the worker is ready")
        return self

    def stop(self) -> None:
        for process in (self._web, self._worker):
            process.terminate()
        for process in (self._web, self._worker):
            process.wait(_STOP_TIMEOUT_S)

    def _wait_until(self, condition: Callable[[], bool], *, what: str) -> None:
        def is_met() -> bool:
            assert self._web.poll() is None, self._web_log.read_text(errors="replace")
            assert self._worker.poll() is None, self._worker_log.read_text(errors="replace")
            return condition()

        wait_until(is_met, what=what)


def _start(log: Path, module: str, *arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    ours = {
        "DATABASE_URL": _database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "LOG_FORMAT": "console",
        "PYTHONUNBUFFERED": "1",
        # As a newcomer meets it: with limits.
        "THROTTLE_ENABLED": "1",
        "WEB_CONCURRENCY": "1",
    }
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=settings.BASE_DIR,
            env=kept | ours | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _database_url() -> str:
    """The database that this process's own connection leads to."""
    to = connection.settings_dict
    who = f"{to['USER']}:{quote(to['PASSWORD'], safe='')}"
    return f"postgres://{who}@{quote(to['HOST'], safe='')}:{to['PORT'] or 5432}/{to['NAME']}"
