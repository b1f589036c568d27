"""A real gRPC server: `manage.py serve_grpc` in its own process, with the tests' database and Valkey."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import grpc
from django.conf import settings
from django.db import connection

from tests.settlement.locks import backends
from tests.settlement.waiting import wait_until

_SERVED = re.compile(r"gRPC is served on ([^:\s]+):([0-9]+)\.")


class GrpcServer:
    """A server process on a free port. `target` is known after `wait_until_up`."""

    def __init__(self, *, log: Path, bind: str = "127.0.0.1:0", **environment: str) -> None:
        self._log = log
        self.port = 0
        self.metrics_port = free_port()
        #: The application name of its connections in Postgres.
        self.application = f"grpc-{self.metrics_port}"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve_grpc", "--bind", bind],
                cwd=settings.BASE_DIR,
                env=_environment(
                    {
                        "INTERNAL_BIND": f"127.0.0.1:{self.metrics_port}",
                        "GRPC_APPLICATION": self.application,
                        **environment,
                    }
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def wait_until_up(self) -> "GrpcServer":
        def is_up() -> bool:
            assert self.process.poll() is None, self.output()
            return _SERVED.search(self.output()) is not None

        wait_until(is_up, what="the gRPC server is up")
        found = _SERVED.search(self.output())
        assert found is not None
        self.port = int(found[2])
        return self

    def waits_for_a_lock(self) -> bool:
        """Whether one of its statements waits for a lock now."""
        return bool(backends(application=self.application, waiting=True))

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def terminate(self) -> int:
        """Stops the server with SIGTERM. Returns its exit code."""
        self.process.terminate()
        return self.process.wait(60)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def channel(self) -> grpc.Channel:
        # No global pool of connections, so that a channel does not inherit the back-off of an earlier test.
        return grpc.insecure_channel(self.target, options=[("grpc.use_local_subchannel_pool", 1)])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    return kept | {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.rpc.server_settings",
        "LOG_FORMAT": "json",
        # Tests of limits switch them on.
        "THROTTLE_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def database_url() -> str:
    """The URL of the database that this process uses."""
    to = connection.settings_dict
    who = f"{to['USER']}:{quote(to['PASSWORD'], safe='')}"
    return f"postgres://{who}@{quote(to['HOST'], safe='')}:{to['PORT'] or 5432}/{to['NAME']}"
