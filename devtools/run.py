"""`make run`: sets everything up, serves the site, and stops every process that it started.

In this order: the folder's lock, leftovers of a killed run, the port, the servers, the database and the demo, and then
the processes of the Procfile. What fails says so in a sentence or two.
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
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WATCH_S = 0.5


class RunError(RuntimeError):
    """Why the site does not run, in words for whoever typed `make run`."""


class Stopped(BaseException):
    """Somebody asked us to stop."""


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
            f"{error.filename} belongs to somebody else: was this run as root before? Run it so again, or remove it."
        )
    except (RunError, ServerError, AccountError) as error:
        _complain(str(error))
    return 1


def _run(places: Places) -> NoReturn:
    port = _port("PORT", default=8000)
    # Next to the usual one as PORT is to its own, so that two sites side by side need one variable.
    grpc_port = _port("GRPC_PORT", default=_GRPC_PORT + port - 8000 if port < 20_000 else port - 1)
    with ExitStack() as stack:
        stack.enter_context(folder_locked(places.lock, note=f"http://{HOST}:{port}"))
        if leftovers_stop(places.root):
            _say("Stopped what a killed run had left behind.")
        # Runs last, when everything has been stopped in order: whatever slipped through does not outlive us.
        stack.callback(leftovers_stop, places.root)
        _port_check(port, hint="PORT=8001")
        _port_check(grpc_port, hint="GRPC_PORT=50061")
        servers = _servers_start(places, stack=stack)
        os.environ |= _environment(places, port=port, grpc_port=grpc_port)
        _site_prepare()
        _processes_run(servers, port=port)


def _reset(places: Places) -> int:
    # A broker of `make kafka` may be at work in a folder below.
    with folder_locked(places.lock), folder_locked(places.kafka / "lock"):
        leftovers_stop(places.root)
        shutil.rmtree(places.sockets, ignore_errors=True)
        shutil.rmtree(places.root)
    _say(f"Removed {places.root}.")
    return 0


def _port(variable: str, *, default: int) -> int:
    text = os.environ.get(variable, str(default))
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise RunError(f"{variable} is a number from 1 to 65535, not {text!r}.")
    return int(text)


def _port_check(port: int, *, hint: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise RunError(f"Port {port} cannot be used ({error.strerror}). Try another: make run {hint}") from error


def _servers_start(places: Places, *, stack: ExitStack) -> list[Server]:
    """Starts the servers that no URL stands in for."""
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


def _environment(places: Places, *, port: int, grpc_port: int) -> dict[str, str]:
    """What the site's processes need to know beside the servers' URLs, which the settings work out themselves."""
    if "SECRET_KEY" not in os.environ:
        _secret_key_make(places.secret_key)
    shutil.rmtree(places.metrics, ignore_errors=True)
    places.metrics.mkdir()
    return {
        RUN_DIR_VARIABLE: str(places.root),
        "PORT": str(port),
        "GRPC_BIND": f"{HOST}:{grpc_port}",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PROMETHEUS_MULTIPROC_DIR": str(places.metrics),
        "PYTHONUNBUFFERED": "1",
        "LOG_FORMAT": os.environ.get("LOG_FORMAT", "console"),
        # Celery's advice against root is meant for deployments, and ours keeps to it.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
    }


def _secret_key_make(path: Path) -> None:
    if not path.exists():
        unfinished = path.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_urlsafe(64))
        unfinished.rename(path)


def _site_prepare() -> None:
    """Migrates, collects the static files and makes the demo people; here, because Django takes a while to start."""
    import django  # noqa: PLC0415 - the settings read the key and the servers that were made above
    from django.core.management import CommandError, call_command  # noqa: PLC0415
    from django.db import DatabaseError, connections  # noqa: PLC0415

    django.setup()
    from kit.cache.protocol import cache_trust_assert  # noqa: PLC0415 - the models are there only now

    _say("Bringing the database up to date …")
    try:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        if "DATABASE_URL" in os.environ:
            # Accounts whose passwords everybody knows are not put into somebody's own database unasked.
            _say("DATABASE_URL is given, so no demo people are made. This makes them: .venv/bin/python manage.py demo")
        else:
            call_command("demo")
        if not {"DATABASE_URL", "REDIS_URL"} & os.environ.keys():
            # Both servers were started by us, just now: no transaction of an earlier run is under way.
            cache_trust_assert()
    except (CommandError, DatabaseError) as error:
        raise RunError(str(error)) from error
    finally:
        connections.close_all()


def _processes_run(servers: list[Server], *, port: int) -> NoReturn:
    """Runs the Procfiles until somebody stops us or one of its processes ends."""
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
        f"{ended.name} ended by itself (exit code {ended.process.returncode}); its last words are above. "
        "The others were stopped."
    )


def _procfiles() -> list[Path]:
    more = [BASE_DIR / "Procfile.kafka"] if os.environ.get("TRANSFER_CHANNEL") == "kafka" else []
    return [BASE_DIR / "Procfile", *more]


def _answers(port: int) -> bool:
    # Not urllib: it would ask the proxy that http_proxy names.
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _servers_keep(servers: list[Server]) -> None:
    """Starts a server anew that died, as an operator would. The site lives without it meanwhile."""
    for server in servers:
        if not server.is_running():
            _say(f"{server.name} ended by itself (its log: {server.log}). Starting it again …")
            server.start()


def signals_stop() -> None:
    """Turns the first signal into Stopped, and ignores further ones, so that an impatient Ctrl-C leaves no orphans."""

    def stop(*_: object) -> None:
        for stop_signal in _STOP_SIGNALS:
            signal.signal(stop_signal, signal.SIG_IGN)
        raise Stopped

    for stop_signal in _STOP_SIGNALS:
        # Ignored from the start means nohup: the closing of the terminal is to be survived.
        if stop_signal is not signal.SIGHUP or signal.getsignal(stop_signal) is not signal.SIG_IGN:
            signal.signal(stop_signal, stop)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command talks


def _complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command talks


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
