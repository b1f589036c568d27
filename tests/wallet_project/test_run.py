"""Runs the real `make run`: `python -m devtools.run` in a copy of the project, with its own servers and port."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from devtools.leftovers import leftovers_stop
from devtools.servers import RUN_DIR_VARIABLE
from wallet_project.embedded import BASE_DIR, SUPERUSER, Places

_UP_TIMEOUT_S = 120.0
_DOWN_TIMEOUT_S = 40.0
_LEFT_BEHIND = shutil.ignore_patterns(".venv", ".git", ".run", ".*_cache", "staticfiles", "node_modules", "__pycache__")
# Variables that this test run's own servers set.
_OURS = {
    "DATABASE_URL",
    "DATABASE_MIGRATION_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "THROTTLE_ENABLED",
    "DJANGO_SETTINGS_MODULE",
}

pytestmark = pytest.mark.timeout(400)


@dataclass
class Command:
    """A command in a checkout. It writes to a file, because leftovers of a killed command would keep a pipe open."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text()

    def finish(self) -> int:
        return self.process.wait(_UP_TIMEOUT_S)

    def stop(self, signum: signal.Signals) -> int:
        self.process.send_signal(signum)
        return self.process.wait(_DOWN_TIMEOUT_S)


@dataclass
class Checkout:
    """A copy of the project in which `make run` runs."""

    path: Path
    port: int
    grpc_port: int
    internal_port: int

    @property
    def places(self) -> Places:
        return Places(self.path / ".run")

    def run(self, *arguments: str, port: str | None = None) -> Command:
        ports = {"PORT": port or str(self.port), "GRPC_PORT": str(self.grpc_port)}
        ports["INTERNAL_PORT"] = str(self.internal_port)
        return self._python("-m", "devtools.run", *arguments, **ports)

    def run_until_up(self) -> Command:
        runner = self.run()
        _wait_until(lambda: "The site is ready" in runner.output or runner.process.poll() is not None)
        assert self.status("/readyz") == 200, runner.output
        return runner

    def manage(self, *arguments: str) -> Command:
        return self._python("manage.py", *arguments)

    def status(self, path: str) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def serves_grpc(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.grpc_port), timeout=10).close()
        except OSError:
            return False
        return True

    def processes(self) -> list[psutil.Process]:
        """All processes that were started for this checkout, and their descendants."""
        found = set()
        for process in psutil.process_iter():
            try:
                if process.environ().get(RUN_DIR_VARIABLE) == str(self.places.root):
                    found |= {process, *process.children(recursive=True)}
            except psutil.Error:
                continue
        return list(found)

    def named(self, name: str) -> list[psutil.Process]:
        """The processes of this name. Postgres starts and ends processes all the time, so some are gone meanwhile."""
        found = []
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                found += [process] if process.name() == name else []
        return found

    def _python(self, *arguments: str, **environment: str) -> Command:
        log = self.path.parent / f"{uuid.uuid4()}.log"
        kept = {name: value for name, value in os.environ.items() if name not in _OURS}
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.path,
                env=kept | environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        return Command(process=process, log=log)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    # The path is too long for a Unix socket below it.
    path = tmp_path_factory.mktemp("checkout") / ("deep" * 20)
    shutil.copytree(BASE_DIR, path, ignore=_LEFT_BEHIND)
    checkout = Checkout(path=path, port=_free_port(), grpc_port=_free_port(), internal_port=_free_port())
    yield checkout
    leftovers_stop(checkout.places.root)
    shutil.rmtree(checkout.places.sockets, ignore_errors=True)


def test_it_serves_the_site_and_ctrl_c_stops_every_process(checkout: Checkout) -> None:
    runner = checkout.run_until_up()
    assert checkout.status("/") == 200
    _wait_until(checkout.serves_grpc)

    second = checkout.run(port=str(_free_port()))
    assert second.finish() == 1
    address = f"http://127.0.0.1:{checkout.port}"
    assert second.output == f"The site already runs from this folder at {address}. Stop it there first, with Ctrl-C.\n"
    reset = checkout.run("--reset")
    assert reset.finish() == 1
    assert "already runs" in reset.output

    audit = checkout.manage("audit_ledger")
    assert audit.finish() == 0, audit.output

    processes = checkout.processes()
    assert {"postgres", "valkey-server", "gunicorn", "celery"} <= {process.name() for process in processes}
    assert runner.stop(signal.SIGINT) == 0, runner.output
    assert runner.output.endswith("Stopped.\n")
    assert [process for process in processes if process.is_running()] == []


@pytest.mark.long
def test_it_recovers_from_a_kill_and_keeps_the_data(checkout: Checkout) -> None:
    runner = checkout.run_until_up()
    with psycopg.connect(checkout.places.database_url(role=SUPERUSER), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (note text)")
        connection.execute("INSERT INTO kept VALUES ('before')")

    # Only the runner is killed. Its servers and the site go on without a parent.
    runner.stop(signal.SIGKILL)
    orphans = checkout.processes()
    assert "postgres" in {process.name() for process in orphans}
    runner = checkout.run_until_up()
    assert [process for process in orphans if process.is_running()] == []
    assert "Stopped what a killed run had left behind." in runner.output

    # Everything is killed at once, as in a power cut. Pid files and sockets remain.
    runner.stop(signal.SIGKILL)
    for process in checkout.processes():
        with suppress(psutil.NoSuchProcess):
            process.kill()
    assert (checkout.places.postgres / "postmaster.pid").exists()
    runner = checkout.run_until_up()
    with psycopg.connect(checkout.places.database_url(role=SUPERUSER)) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM kept").fetchone() == (True,)

    assert runner.stop(signal.SIGTERM) == 0, runner.output
    assert checkout.processes() == []


def test_it_restarts_a_dead_server_and_stops_if_a_process_dies(checkout: Checkout) -> None:
    runner = checkout.run_until_up()
    (valkey,) = checkout.named("valkey-server")
    valkey.kill()
    _wait_until(lambda: bool(checkout.named("valkey-server")))

    masters = [process for process in checkout.named("gunicorn") if "gunicorn" not in process.parent().name()]
    masters[0].kill()
    assert runner.finish() == 1
    assert "Valkey ended by itself" in runner.output
    assert "web ended by itself (exit code -9)" in runner.output
    assert checkout.processes() == []


@pytest.mark.long
def test_it_keeps_running_while_redis_takes_no_writes(checkout: Checkout) -> None:
    runner = checkout.run_until_up()
    with redis.Redis(unix_socket_path=str(checkout.places.valkey_socket)) as valkey:
        valkey.replicaof("127.0.0.1", 1)
        # Long enough for the worker and for beat, whose most frequent task is due every five seconds.
        ends_s = time.monotonic() + 15
        while time.monotonic() < ends_s:
            assert checkout.status("/") == 200
            assert checkout.status("/readyz") == 200
            assert runner.process.poll() is None, runner.output
            time.sleep(0.5)
        valkey.replicaof("NO", "ONE")
        _wait_until(lambda: any(client["cmd"] == "brpop" for client in valkey.client_list()))

    assert runner.stop(signal.SIGINT) == 0, runner.output


def test_it_refuses_a_taken_port_before_it_starts_anything(checkout: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = checkout.run(port=str(port))
        assert refused.finish() == 1
    assert refused.output == f"Port {port} cannot be used (Address already in use). Try another: make run PORT=8001\n"
    assert checkout.processes() == []


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_it_refuses_an_invalid_port(checkout: Checkout, port: str) -> None:
    refused = checkout.run(port=port)
    assert refused.finish() == 1
    assert refused.output == f"PORT must be a number from 1 to 65535, not '{port}'.\n"


def test_reset_removes_the_data(checkout: Checkout) -> None:
    checkout.places.postgres.mkdir(parents=True, exist_ok=True)
    reset = checkout.run("--reset")
    assert reset.finish() == 0, reset.output
    assert not checkout.places.root.exists()
    assert not checkout.places.sockets.exists()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _UP_TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
