"""A real Celery worker on the tests' database: a process group of a parent, two children and a beat."""

import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from devtools.servers import RUN_DIR_VARIABLE
from tests.rpc.server import free_port
from tests.settlement.locks import backends
from tests.settlement.waiting import wait_until

#: The application name of the workers' connections in Postgres.
APPLICATION = "worker"
_STOP_TIMEOUT_S = 60


class Worker:
    def __init__(self, *, redis_url: str, run_dir: Path, log: Path, pool: str = "prefork", **more: str) -> None:
        self._log = log
        self._metrics_port = free_port()
        counted = log.with_suffix(".metrics")
        counted.mkdir()
        command = [sys.executable, "-m", "celery", "-A", "wallet_project", "worker", "-c", "2", "-B",
            "-s", str(log.with_suffix(".beat")), "--without-mingle", "--without-gossip", "-l", "INFO",
            "--pool", pool]  # fmt: skip
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "REDIS_URL": redis_url,
            RUN_DIR_VARIABLE: str(run_dir),
            "DJANGO_SETTINGS_MODULE": "tests.settlement.worker_settings",
            "INTERNAL_BIND": f"127.0.0.1:{self._metrics_port}",
            "PROMETHEUS_MULTIPROC_DIR": str(counted),
            **more,
        }
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=settings.BASE_DIR, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """Kills the parent and all its children with kill -9 at once, as if the machine had crashed."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """As an operator stops it: it finishes what it is doing."""
        self.process.terminate()
        self.process.wait(_STOP_TIMEOUT_S)

    def freeze(self) -> None:
        """Suspends the worker, as if its machine were swapping or being migrated."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def unfreeze(self) -> None:
        os.killpg(self.process.pid, signal.SIGCONT)

    def wait_until_blocked(self) -> None:
        """Waits until a child waits for a lock in Postgres: it is in the middle of a batch, and stays there."""
        wait_until(lambda: bool(backends(application=APPLICATION, waiting=True)), what="a worker waits for a lock")

    def wait_until_gone(self) -> None:
        """Waits until Postgres has noticed that the worker is dead and has rolled its database transactions back."""
        wait_until(lambda: not backends(application=APPLICATION), what="the dead worker's connections are closed")

    def metrics(self) -> str:
        """The worker's metrics, as Prometheus reads them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=30) as answer:
            return str(answer.read().decode())

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")


def database_url() -> str:
    """The URL of the database that this process uses."""
    to = connection.settings_dict
    who = f"{to['USER']}:{quote(to['PASSWORD'], safe='')}"
    return f"postgres://{who}@{quote(to['HOST'], safe='')}:{to['PORT'] or 5432}/{to['NAME']}"
