"""The running project: site, gRPC server and Celery worker as processes, on a database and a Redis of their own.

Nothing here imports the project. The processes are started by the commands that a deployment uses, so that moving
modules changes nothing for this package.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import grpc
import psycopg
import redis

from tests.database import database_create, database_drop, superuser_conninfo
from tests.frozen.places import ROOT
from tests.servers import role_url

#: A database of Redis that no other test uses.
REDIS_DATABASE = 7
#: What `createsuperuser` asks for.
SUPERUSER = {
    "DJANGO_SUPERUSER_USERNAME": "staff",
    "DJANGO_SUPERUSER_EMAIL": "staff@example.com",
    "DJANGO_SUPERUSER_PASSWORD": "a staple for the staff's own desk",
}
UP_TIMEOUT_S = 60.0
#: Short, so that the scenario meets them; and the cache is relied on soon after the start.
_TIMEOUTS = {
    "DATABASE_LOCK_TIMEOUT_MS": "400",
    "DATABASE_TRANSACTION_TIMEOUT_MS": "4000",
    "CACHE_FENCE_S": "5.5",
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until(holds: Callable[[], bool], *, what: str, timeout_s: float = UP_TIMEOUT_S) -> None:
    """Polls until it holds. Fails after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"Timed out waiting: {what}."
        time.sleep(0.02)


class Database:
    """An empty database beside that of the tests, with the site's roles."""

    def __init__(self) -> None:
        self.name = f"frozen_{secrets.token_hex(4)}"

    def create(self) -> None:
        database_create(self.name)

    def drop(self) -> None:
        database_drop(self.name)

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A superuser's connection that commits each statement by itself."""
        return psycopg.connect(superuser_conninfo(self.name), autocommit=True)

    def url(self, role: str) -> str:
        return role_url(role, database=self.name)


class Process:
    """A process of the project; what it says goes to a file."""

    def __init__(self, name: str, *command: str, folder: Path, environment: dict[str, str]) -> None:
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> int:
        """Waits for a command to end, and returns its exit code."""
        return self._process.wait(UP_TIMEOUT_S)

    def finish(self) -> str:
        """Waits for a command that must succeed, and returns what it printed."""
        assert self.wait() == 0, self.output()
        return self.output()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def pause(self) -> None:
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGCONT)
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def output(self) -> str:
        return self._log.read_text(errors="replace")


class Stage:
    """All processes. `site` and `limited` are ports; the second site has limits small enough to meet."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.database = database
        self.mail = folder / "mail"
        self.mail.mkdir()
        self.site, self.limited, self.rpc, self.metrics, self.internal = (free_port() for _ in range(5))
        self._folder = folder
        self._environment = {
            "DATABASE_URL": database.url("wallet_app"),
            "DATABASE_MIGRATION_URL": database.url("wallet_migrator"),
            "REDIS_URL": _redis_url(),
            "DJANGO_SETTINGS_MODULE": "tests.frozen.site_settings",
            "FROZEN_MAIL": str(self.mail),
            "ENVIRONMENT": "local",
            "PYTHONUNBUFFERED": "1",
            "WEB_CONCURRENCY": "1",
            "THROTTLE_ENABLED": "0",
            "FUNDING": "demo",
            # Users who have signed in stay fresh, however long the recording takes.
            "STEP_UP_FRESH_S": "3600",
        }
        self._processes: list[Process] = []
        self.worker: Process

    def start(self) -> None:
        redis.Redis.from_url(_redis_url()).flushdb()
        self.command("migrate", "--verbosity", "0").finish()
        gunicorn = ("-m", "gunicorn", "-c", "wallet_project/gunicorn.py", "wallet_project.wsgi")
        internal = f"127.0.0.1:{self.internal}"
        self._serve("site", *gunicorn, BIND=f"127.0.0.1:{self.site}", INTERNAL_BIND=internal)
        limits = {"THROTTLE_ENABLED": "1", "THROTTLE_SCALE": "0.1"}
        self._serve("limited", *gunicorn, BIND=f"127.0.0.1:{self.limited}", **limits)
        serve_grpc = ("manage.py", "serve_grpc", "--bind", f"127.0.0.1:{self.rpc}")
        limits |= {"THROTTLE_SCALE": "0.5", "INTERNAL_BIND": f"127.0.0.1:{self.metrics}"}
        self._serve("grpc", *serve_grpc, **limits)
        worker = ("-m", "celery", "-A", "wallet_project", "worker", "--pool", "threads", "-c", "1")
        once = {"TRANSFER_ATTEMPTS_MAX": "1"}
        self.worker = self._serve("worker", *worker, "--without-mingle", "--without-gossip", **once)
        self.command("createsuperuser", "--noinput", **SUPERUSER).finish()
        for port in (self.site, self.limited):
            wait_until(partial(self._answers, port), what="the site answers")
        with grpc.insecure_channel(f"127.0.0.1:{self.rpc}") as channel:
            grpc.channel_ready_future(channel).result(UP_TIMEOUT_S)
        # Accepted transfers stay pending until the scenario lets it go on.
        self.worker.pause()

    def command(self, *command: str, **environment: str) -> Process:
        """Starts a management command."""
        return self._run(command[0], "manage.py", *command, **environment)

    def stop(self) -> None:
        for process in self._processes:
            process.stop()

    def _run(self, name: str, *command: str, **environment: str) -> Process:
        return Process(name, *command, folder=self._folder, environment=self._environment | environment)

    def _serve(self, name: str, *command: str, **environment: str) -> Process:
        process = Process(name, *command, folder=self._folder, environment=self._environment | _TIMEOUTS | environment)
        self._processes.append(process)
        return process

    def _answers(self, port: int) -> bool:
        for process in self._processes:
            assert process.is_alive(), process.output()
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/livez", timeout=5) as answer:
            return bool(answer.status == 200)
        return False


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """The running project, for as long as the block lasts."""
    database = Database()
    database.create()
    stage = Stage(folder, database)
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()
        database.drop()


def _redis_url() -> str:
    """The tests' own Redis, with another database."""
    url = os.environ["REDIS_URL"]
    address, _, query = url.partition("?")
    if address.startswith("unix:"):
        return f"{address}?db={REDIS_DATABASE}"
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{REDIS_DATABASE}" + (f"?{query}" if query else "")
