"""The stage of a run: its own Postgres and Valkey in a temporary folder, and the processes of the site.

Both servers are durable and keep their default settings.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench import cpu, interfaces
from devtools.folder_lock import folder_locked
from devtools.leftovers import abandoned_remove, leftovers_stop
from devtools.servers import RUN_DIR_VARIABLE, database_make, directories_make, postgres_server, valkey_server
from wallet_project.embedded import BASE_DIR, MIGRATION_ROLE, SUPERUSER, Places

#: The project's settings and one more view, the empty one that reads are measured against.
SITE_SETTINGS = "bench.site_settings"
#: The process that settles and runs the other tasks.
WORKER = "worker"
RUN_PREFIX = "wallet-bench-"
_STOP_TIMEOUT_S = 20.0
_START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where everything is: the servers, the folder of Postgres's programs, and the checkout whose site is run.

    `pids` holds the topmost processes of each part of `cpu.PARTS` that run now: their names and ids.
    """

    places: Places
    programs: Path
    environment: Mapping[str, str]
    checkout: Path = BASE_DIR
    python: str = sys.executable
    pids: Mapping[str, dict[str, int]] = field(default_factory=lambda: {part: {} for part in cpu.PARTS})

    @property
    def logs(self) -> Path:
        return self.places.root

    def meter(self, *, left_out: int | None = None) -> cpu.Meter:
        """Measures the processes that run now."""
        return cpu.Meter({part: tuple(pids.values()) for part, pids in self.pids.items() if pids}, left_out=left_out)


@contextmanager
def stage_set() -> Iterator[Stage]:
    """Starts the servers and points the settings to them; stops everything and removes the folder afterwards."""
    abandoned_remove(prefix=RUN_PREFIX)
    with servers_run() as stage:
        # The bench itself fills tables behind the guards and tidies up, so it is the superuser.
        os.environ |= {**stage.environment, interfaces.DATABASE_URL: stage.places.database_url(role=SUPERUSER)}
        yield stage


@contextmanager
def servers_run(*, checkout: Path = BASE_DIR, python: str = sys.executable) -> Iterator[Stage]:
    """A stage for the site of `checkout`, run by `python`. Both servers are those of this checkout."""
    with ExitStack() as stack:
        places = Places(Path(tempfile.mkdtemp(prefix=RUN_PREFIX)))
        # Postgres runs as another account when we are root, and has to get in; the folders inside are private.
        places.root.chmod(0o711)
        stack.callback(shutil.rmtree, places.root, ignore_errors=True)
        stack.enter_context(folder_locked(places.lock))
        stack.callback(leftovers_stop, places.root)
        directories_make(places)
        places.metrics.mkdir()
        servers = {cpu.POSTGRES: postgres_server(places), cpu.REDIS: valkey_server(places)}
        stage = Stage(
            places=places,
            programs=Path(servers[cpu.POSTGRES].command[0]).parent,
            environment=_environment(places, checkout),
            checkout=checkout,
            python=python,
        )
        for part, server in servers.items():
            stack.callback(server.stop)
            server.start()
            assert server.process is not None
            stage.pids[part][server.name] = server.process.pid
        database_make(places, roles=checkout / interfaces.ROLES)
        yield stage


def _database_urls(places: Places, checkout: Path, database: str = "wallet") -> dict[str, str]:
    """The roles of production; a commit that has none of its own runs as the superuser."""
    if not (checkout / interfaces.ROLES).exists():
        return {interfaces.DATABASE_URL: places.database_url(database, role=SUPERUSER)}
    return {
        interfaces.DATABASE_URL: places.database_url(database),
        interfaces.DATABASE_MIGRATION_URL: places.database_url(database, role=MIGRATION_ROLE),
    }


def _environment(places: Places, checkout: Path) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": interfaces.SETTINGS,
        **_database_urls(places, checkout),
        interfaces.REDIS_URL: places.redis_url(),
        "SECRET_KEY": secrets.token_urlsafe(64),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "WARNING",
        "ENVIRONMENT": "bench",
        "PROMETHEUS_MULTIPROC_DIR": str(places.metrics),
        RUN_DIR_VARIABLE: str(places.root),
        # Requests are counted as on any site, but none is refused: a few people send what thousands would.
        interfaces.LIMITS_SCALE: "1000",
        # The people of the benchmarks deposit their own money.
        "FUNDING": "demo",
    }


@contextmanager
def workers_run(stage: Stage, *, with_beat: bool = True) -> Iterator[Mapping[str, str]]:
    """Two Celery worker processes, and the beat that sweeps, as in production. Without the beat, nothing is settled
    before a message wakes the workers. Yields the environment that the site needs for them: nothing."""
    with ExitStack() as stack:
        stack.enter_context(process_run(stage, WORKER, interfaces.CELERY_WORKER))
        if with_beat:
            stack.enter_context(process_run(stage, "beat", (*interfaces.CELERY_BEAT, str(stage.logs / "beat"))))
        yield {}


@contextmanager
def site_run(
    stage: Stage,
    *,
    database: str = "wallet",
    with_cache: bool = True,
    settings: str = SITE_SETTINGS,
    environment: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """The site under gunicorn as in production, two workers of eight threads; yields its port."""
    port = port_free()
    own = {
        "DJANGO_SETTINGS_MODULE": settings,
        interfaces.BIND: f"127.0.0.1:{port}",
        **_database_urls(stage.places, stage.checkout, database),
        interfaces.CACHE_ENABLED: "1" if with_cache else "0",
        **(environment or {}),
    }
    with process_run(stage, "site", interfaces.GUNICORN, own) as process:
        port_await(process, port, log=stage.logs / "site.log")
        yield port


@contextmanager
def grpc_run(stage: Stage, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """`manage.py serve_grpc`, one process; yields its port."""
    port = port_free()
    with process_run(stage, "grpc", (*interfaces.SERVE_GRPC, f"127.0.0.1:{port}"), environment) as process:
        port_await(process, port, log=stage.logs / "grpc.log")
        yield port


@contextmanager
def process_run(
    stage: Stage, name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """One of the site's processes: its Python with these arguments. It logs as much as it does in production."""
    with (stage.logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [stage.python, *arguments],
            cwd=stage.checkout,
            env={**os.environ, **stage.environment, "LOG_LEVEL": "INFO", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    stage.pids[cpu.SITE][name] = process.pid
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        del stage.pids[cpu.SITE][name]


def command_run(
    stage: Stage,
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    timeout_s: float = _START_TIMEOUT_S,
) -> None:
    """Runs one of the site's commands to its end. Raises RuntimeError with the command's words if it fails."""
    ran = subprocess.run(
        [stage.python, *arguments], cwd=stage.checkout, capture_output=True, text=True, check=False,
        env={**os.environ, **stage.environment, **(environment or {})}, timeout=timeout_s,
    )  # fmt: skip
    if ran.returncode != 0:
        raise RuntimeError((ran.stdout + ran.stderr).strip()[-1_000:])


def port_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_await(process: subprocess.Popen[bytes], port: int, *, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(
        f"The {log.stem} did not start.\n" + "\n".join(log.read_text(errors="replace").splitlines()[-10:])
    )
