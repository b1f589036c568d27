"""The stage of a run: a Postgres and a Valkey of its own in a temporary folder, and the site's own processes.

Both servers run as they come, durable, with no setting turned for speed.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devtools.folder_lock import FolderTakenError, folder_locked
from devtools.leftovers import leftovers_stop
from devtools.servers import RUN_DIR_VARIABLE, database_make, directories_make, postgres_server, valkey_server
from wallet_project.embedded import BASE_DIR, Places

_PREFIX = "wallet-bench-"
_FRESH_S = 60
_STOP_TIMEOUT_S = 20.0
_START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where everything is: the servers' places and the folder of Postgres's programs."""

    places: Places
    programs: Path

    @property
    def logs(self) -> Path:
        return self.places.root


@contextmanager
def stage_set() -> Iterator[Stage]:
    """Starts the servers and points the settings to them; stops everything and removes the folder afterwards."""
    _abandoned_remove()
    with ExitStack() as stack:
        places = Places(Path(tempfile.mkdtemp(prefix=_PREFIX)))
        # Postgres runs as another account when we are root, and has to get in; the folders inside are private.
        places.root.chmod(0o711)
        stack.callback(shutil.rmtree, places.root, ignore_errors=True)
        stack.enter_context(folder_locked(places.lock))
        stack.callback(leftovers_stop, places.root)
        directories_make(places)
        places.metrics.mkdir()
        postgres, valkey = postgres_server(places), valkey_server(places)
        for server in (postgres, valkey):
            stack.callback(server.stop)
            server.start()
        database_make(places)
        os.environ |= {
            "DATABASE_URL": places.database_url(),
            "REDIS_URL": places.redis_url(),
            "SECRET_KEY": secrets.token_urlsafe(64),
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "WARNING",
            "ENVIRONMENT": "bench",
            "PROMETHEUS_MULTIPROC_DIR": str(places.metrics),
            RUN_DIR_VARIABLE: str(places.root),
            # Every request is counted as on any site, and none is refused: a few people stand for thousands.
            "THROTTLE_SCALE": "1000",
        }
        yield Stage(places=places, programs=Path(postgres.command[0]).parent)


@contextmanager
def workers_run(stage: Stage, *, with_beat: bool = True) -> Iterator[Mapping[str, str]]:
    """Two Celery worker processes, and the beat that sweeps, as in production. Without it nothing is settled before
    somebody wakes the workers. Yields what the site's environment must say of them, which is nothing."""
    celery = [sys.executable, "-m", "celery", "--app", "wallet_project", "--quiet"]
    worker = [*celery, "worker", "--loglevel", "INFO", "--concurrency", "2"]
    beat = [*celery, "beat", "--loglevel", "INFO", "--schedule", str(stage.logs / "beat")]
    with ExitStack() as stack:
        stack.enter_context(process_run(stage, "worker", worker))
        if with_beat:
            stack.enter_context(process_run(stage, "beat", beat))
        yield {}


@contextmanager
def site_run(
    stage: Stage, *, database: str = "wallet", with_cache: bool = True, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """The site under gunicorn as in production, two workers of eight threads; yields its port."""
    port = port_free()
    command = [sys.executable, "-m", "gunicorn", "--config", "wallet_project/gunicorn.py", "wallet_project.wsgi"]
    own = {
        "BIND": f"127.0.0.1:{port}",
        "DATABASE_URL": stage.places.database_url(database),
        "DJANGO_SETTINGS_MODULE": "bench.site_settings",
        "CACHE_ENABLED": "1" if with_cache else "0",
        **(environment or {}),
    }
    with process_run(stage, "site", command, own) as process:
        port_await(process, port, log=stage.logs / "site.log")
        yield port


@contextmanager
def process_run(
    stage: Stage, name: str, command: list[str], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """One of the site's processes. It logs as much as it does in production."""
    with (stage.logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=BASE_DIR,
            env={**os.environ, "LOG_LEVEL": "INFO", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def command_run(command: list[str], environment: Mapping[str, str]) -> None:
    """A command of ours, to its end. Raises RuntimeError with its words where it fails."""
    ran = subprocess.run(
        command, cwd=BASE_DIR, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
        timeout=_START_TIMEOUT_S,
    )  # fmt: skip
    if ran.returncode != 0:
        raise RuntimeError(ran.stderr.strip())


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


def _abandoned_remove() -> None:
    """Stops the servers of runs that were killed, and removes their folders."""
    for root in Path(tempfile.gettempdir()).glob(_PREFIX + "*"):
        # Another run may remove the folder at the same time.
        with suppress(FolderTakenError, FileNotFoundError):
            found = root.stat()
            # A folder that was made just now may belong to a run that is about to lock it.
            if found.st_uid == os.getuid() and time.time() - found.st_mtime >= _FRESH_S:
                _abandoned_clear(root)


def _abandoned_clear(root: Path) -> None:
    with folder_locked(root / "lock"):
        leftovers_stop(root)
        shutil.rmtree(root, ignore_errors=True)
