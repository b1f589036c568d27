"""A PgBouncer in transaction mode before the tests' Postgres."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db import connection, connections

from devtools.servers import RUN_DIR_VARIABLE
from tests.pgbouncer import MISSING, pgbouncer_path
from tests.rpc.server import free_port
from tests.settlement.waiting import wait_until

#: What the site sends with each new connection and PgBouncer cannot keep for it.
_DROPPED = "options,lock_timeout,statement_timeout,transaction_timeout,idle_in_transaction_session_timeout"
_CONFIGURATION = """
[databases]
* = host={host} user={role}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
ignore_startup_parameters = extra_float_digits{ignored}
"""


class Pooler:
    """All its clients share one connection to Postgres."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self) -> str:
        return f"postgres://{self._to['USER']}:unused@127.0.0.1:{self._port}/{self._to['NAME']}"

    def start(self, *, ignores_options: bool, role: str = "") -> None:
        """`ignores_options`: it drops the timeouts without a word. Otherwise it refuses clients that send them."""
        path = pgbouncer_path()
        assert path is not None, MISSING
        configuration, log = self._folder / "pgbouncer.ini", self._folder / "pgbouncer.log"
        configuration.write_text(
            _CONFIGURATION.format(
                host=self._to["HOST"],
                port=self._port,
                role=role or self._to["USER"],
                ignored=f",{_DROPPED}" if ignores_options else "",
            )
        )
        # PgBouncer does not run as root. Postgres's sockets admit their owner.
        owner = Path(self._to["HOST"]).stat()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [path, str(configuration)], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                cwd="/", user=owner.st_uid, group=owner.st_gid, extra_groups=[],
                env={**os.environ, RUN_DIR_VARIABLE: str(self._folder)},
            )  # fmt: skip
        wait_until(self._answers, what=f"PgBouncer answers; its log is {log.read_text(errors='replace')}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def used(self) -> Iterator[None]:
        """This process's default connection goes through the pooler."""
        connections.close_all()
        before = dict(connection.settings_dict)
        connection.settings_dict.update(HOST="127.0.0.1", PORT=str(self._port), PASSWORD="unused")
        try:
            yield
        finally:
            connections.close_all()
            connection.settings_dict.clear()
            connection.settings_dict.update(before)

    @property
    def _to(self) -> dict[str, str]:
        return connection.settings_dict

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
