"""Relays in a thread of this process, or in a process that a test can kill."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.db import connection, connections

from tests.settlement.locks import backends
from tests.settlement.waiting import wait_until
from tests.settlement.worker import database_url
from transactions.events.relay import Relay
from transactions.models import SettledEvent


class RelayProcess:
    """`manage.py relay_settled_events` in a process that stops at `stop_at` (see relay_worker.py)."""

    def __init__(self, *, folder: Path, number: int, stop_at: str, **more: str) -> None:
        self.application = f"relay-{number}"
        self._log = folder / f"{self.application}.log"
        self._mark = folder / f"{self.application}.mark"
        self.alive = folder / f"{self.application}.alive"
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "tests.events.relay_settings",
            "KAFKA_BOOTSTRAP_SERVERS": settings.KAFKA_BOOTSTRAP_SERVERS,
            "KAFKA_TOPIC_PREFIX": settings.KAFKA_TOPIC_PREFIX,
            "RELAY_APPLICATION": self.application,
            "RELAY_ALIVE": str(self.alive),
            "RELAY_STOP_AT": stop_at,
            "RELAY_MARK": str(self._mark),
            **more,
        }
        environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.events.relay_worker"], cwd=settings.BASE_DIR, env=environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def wait_until_there(self) -> None:
        """Waits until the relay has stopped at `stop_at`."""
        wait_until(self._mark.exists, what=f"the relay is where it stops\n{self.log_text()}")

    def wait_until_it_has_looked(self) -> None:
        """Waits until the relay polls the outbox again: then its previous poll is over."""
        wait_until(self.alive.exists, what=f"the relay looks\n{self.log_text()}")
        before = self.alive.stat().st_mtime_ns
        wait_until(lambda: self.alive.stat().st_mtime_ns > before, what="the relay looks again")

    def kill(self) -> None:
        """Kills the relay with kill -9."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self) -> int:
        """Stops the relay with SIGTERM. Returns its exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def wait_until_gone(self) -> None:
        """Waits until Postgres has closed the killed relay's connection and rolled its transaction back."""
        wait_until(lambda: not backends(application=self.application), what="the dead relay's connection is closed")

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")


@contextmanager
def relay_running() -> Iterator[None]:
    """Runs a relay in a thread of this process during the block."""
    stop = threading.Event()

    def run() -> None:
        try:
            Relay(stop).run()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def outbox_drain() -> None:
    """Publishes all events in the outbox."""
    with relay_running():
        outbox_await_empty()


def outbox_await_empty() -> None:
    wait_until(lambda: not SettledEvent.objects.exists(), what="the outbox is empty")
    assert not connection.in_atomic_block
