"""`make run`: sets everything up, serves the site, and in the end stops every process that it started.

It works in this order: lock the folder, stop leftovers of a killed run, check the ports, start the servers, prepare the
database and the demo, and run the processes of the Procfile. A failure is reported in one or two sentences.
"""

import http
import http.client
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from devtools.accounts import AccountError
from devtools.folder_lock import FolderTakenError, folder_locked
from devtools.leftovers import leftovers_stop
from devtools.processes import Processes
from devtools.servers import (
    RUN_DIR_VARIABLE,
    Server,
    ServerError,
    database_make,
    directories_make,
    postgres_server,
    valkey_server,
)
from wallet_project.embedded import BASE_DIR, PLACES, Places

HOST = "127.0.0.1"
_GRPC_PORT = 50_051
_INTERNAL_PORT = 9_464
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WATCH_S = 0.5


class RunError(RuntimeError):
    """Why the site does not run, in words for the developer who typed `make run`."""


class Stopped(BaseException):
    """A signal asked this process to stop."""


def main(arguments: list[str]) -> int:
    signals_stop()
    try:
        return _reset(PLACES) if arguments == ["--reset"] else _run(PLACES)
    except Stopped:
        _say("Stopped.")
        return 0
    except FolderTakenError as taken:
        where = f" at {taken.note}" if taken.note else ""
        _complain(f"The site already runs from this folder{where}. Stop it there first, with Ctrl-C.")
    except PermissionError as error:
        _complain(
            f"{error.filename} belongs to another user. If you ran this as root before, run it as root again, or "
            "remove the file."
        )
    except (RunError, ServerError, AccountError) as error:
        _complain(str(error))
    return 1


def _run(places: Places) -> NoReturn:
    port = _port("PORT", default=8000)
    # The other ports move with PORT, so that a second site on the same machine needs only PORT.
    grpc_port = _port("GRPC_PORT", default=_GRPC_PORT + port - 8000 if port < 20_000 else port - 1)
    internal_port = _port("INTERNAL_PORT", default=_INTERNAL_PORT + port - 8000 if port < 20_000 else port - 2)
    with ExitStack() as stack:
        stack.enter_context(folder_locked(places.lock, note=f"http://{HOST}:{port}"))
        if leftovers_stop(places.root):
            _say("Stopped what a killed run had left behind.")
        # Runs last, after everything was stopped in order. It stops processes that the callbacks above missed.
        stack.callback(leftovers_stop, places.root)
        _port_check(port, hint="PORT=8001")
        _port_check(grpc_port, hint="GRPC_PORT=50061")
        _port_check(internal_port, hint="INTERNAL_PORT=9474")
        servers = _servers_start(places, stack=stack)
        os.environ |= _environment(places, port=port, grpc_port=grpc_port, internal_port=internal_port)
        _site_prepare()
        _processes_run(servers, port=port)


def _reset(places: Places) -> int:
    # `make kafka` may run a broker in a folder below.
    with folder_locked(places.lock), folder_locked(places.kafka / "lock"):
        leftovers_stop(places.root)
        shutil.rmtree(places.sockets, ignore_errors=True)
        shutil.rmtree(places.root)
    _say(f"Removed {places.root}.")
    return 0


def _port(variable: str, *, default: int) -> int:
    text = os.environ.get(variable, str(default))
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise RunError(f"{variable} must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def _port_check(port: int, *, hint: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise RunError(f"Port {port} cannot be used ({error.strerror}). Try another: make run {hint}") from error


def _servers_start(places: Places, *, stack: ExitStack) -> list[Server]:
    """Starts Postgres and Valkey, except those whose URL is set."""
    directories_make(places)
    servers = []
    if "DATABASE_URL" not in os.environ:
        _say("Starting Postgres …")
        servers.append(_server_start(postgres_server(places), stack=stack))
        database_make(places)
    if "REDIS_URL" not in os.environ:
        _say("Starting Valkey …")
        servers.append(_server_start(valkey_server(places), stack=stack))
    return servers


def _server_start(server: Server, *, stack: ExitStack) -> Server:
    stack.callback(server.stop)
    server.start()
    return server


def _environment(places: Places, *, port: int, grpc_port: int, internal_port: int) -> dict[str, str]:
    """Environment variables for the site's processes. The settings work out the URLs of the embedded servers."""
    if "SECRET_KEY" not in os.environ:
        _secret_key_make(places.secret_key)
    shutil.rmtree(places.metrics, ignore_errors=True)
    places.metrics.mkdir()
    return {
        RUN_DIR_VARIABLE: str(places.root),
        "PORT": str(port),
        "GRPC_BIND": f"{HOST}:{grpc_port}",
        # In the Procfile only the site serves it. All processes count in one folder.
        "INTERNAL_PORT": str(internal_port),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PROMETHEUS_MULTIPROC_DIR": str(places.metrics),
        "PYTHONUNBUFFERED": "1",
        "LOG_FORMAT": os.environ.get("LOG_FORMAT", "console"),
        # So that anyone can try the site; pages say that the money is a demo.
        "FUNDING": os.environ.get("FUNDING", "demo"),
        # Celery warns against running as root. That concerns deployments, and the image runs as an ordinary user.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
    }


def _secret_key_make(path: Path) -> None:
    if not path.exists():
        unfinished = path.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_urlsafe(64))
        unfinished.rename(path)


def _site_prepare() -> None:
    """Migrates, collects the static files and creates the demo users. In this process, because Django starts slowly."""
    import django  # noqa: PLC0415 - the settings read the key and the URLs that were set above
    from django.core.management import CommandError, call_command  # noqa: PLC0415
    from django.db import DatabaseError, connections  # noqa: PLC0415

    django.setup()
    from kit.cache.protocol import cache_trust_assert  # noqa: PLC0415 - needs django.setup()

    _say("Bringing the database up to date …")
    try:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        if "DATABASE_URL" in os.environ:
            # Do not put accounts with well-known passwords into a database that the developer brought along.
            _say("DATABASE_URL is set, so no demo users are created. To create them: .venv/bin/python manage.py demo")
        else:
            call_command("demo")
        if not {"DATABASE_URL", "REDIS_URL"} & os.environ.keys():
            # This run has just started both servers, so no database transaction of an earlier run can be open.
            cache_trust_assert()
    except (CommandError, DatabaseError) as error:
        raise RunError(str(error)) from error
    finally:
        connections.close_all()


def _processes_run(servers: list[Server], *, port: int) -> NoReturn:
    """Runs the Procfiles until a signal arrives or one of the processes ends."""
    processes = Processes(*_procfiles())
    is_announced = False
    try:
        processes.start()
        while (ended := processes.ended()) is None:
            if not is_announced and _answers(port):
                _say(f"\n  The site is ready: http://{HOST}:{port}   (Ctrl-C stops it)\n")
                is_announced = True
            _servers_keep(servers)
            time.sleep(_WATCH_S)
    finally:
        processes.stop()
    raise RunError(
        f"{ended.name} ended by itself (exit code {ended.process.returncode}). Its last output is above. "
        "The other processes were stopped."
    )


def _procfiles() -> list[Path]:
    more = [BASE_DIR / "Procfile.kafka"] if os.environ.get("TRANSFER_CHANNEL") == "kafka" else []
    return [BASE_DIR / "Procfile", *more]


def _answers(port: int) -> bool:
    # Not urllib, which would use the proxy of http_proxy.
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _servers_keep(servers: list[Server]) -> None:
    """Restarts a server that died, as an operator would. Meanwhile the site runs without it."""
    for server in servers:
        if not server.is_running():
            _say(f"{server.name} ended by itself (its log: {server.log}). Starting it again …")
            server.start()


def signals_stop() -> None:
    """Turns the first signal into Stopped and ignores further ones, so that repeated Ctrl-C leaves no processes
    behind."""

    def stop(*_: object) -> None:
        for stop_signal in _STOP_SIGNALS:
            signal.signal(stop_signal, signal.SIG_IGN)
        raise Stopped

    for stop_signal in _STOP_SIGNALS:
        # If SIGHUP is ignored from the start, nohup is in use, and the run must survive the end of the terminal.
        if stop_signal is not signal.SIGHUP or signal.getsignal(stop_signal) is not signal.SIG_IGN:
            signal.signal(stop_signal, stop)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command talks


def _complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command talks


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
