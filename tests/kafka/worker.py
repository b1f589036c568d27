"""Consumers as processes of their own, which may be killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from devtools.servers import RUN_DIR_VARIABLE
from tests.settlement.locks import backends
from tests.settlement.waiting import wait_until
from tests.settlement.worker import APPLICATION, database_url

_STOP_TIMEOUT_S = 30


class Worker:
    """`manage.py consume_transfers`, reading this test's topics. `die_at` names the moment at which it kills itself."""

    def __init__(self, *, log: Path, die_at: str = "") -> None:
        self._log = log
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "REDIS_URL": settings.REDIS_URL,
            "KAFKA_BOOTSTRAP_SERVERS": settings.KAFKA_BOOTSTRAP_SERVERS,
            "KAFKA_TOPIC_PREFIX": settings.KAFKA_TOPIC_PREFIX,
            "KAFKA_PARTITIONS": str(settings.KAFKA_PARTITIONS),
            "DJANGO_SETTINGS_MODULE": "tests.kafka.worker_settings",
            "DIE_AT": die_at,
        }
        # Playwright's event loop, if a browser test ran before, is none of the worker's.
        environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
        environment.pop(RUN_DIR_VARIABLE, None)
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.kafka.worker_main"], cwd=settings.BASE_DIR, env=environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """kill -9, whatever it is at."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """As an operator stops it: the batch at hand is finished, and it leaves the group."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(_STOP_TIMEOUT_S) == 0, self.log_text()

    def wait_until_killed(self) -> None:
        """Until it has killed itself."""
        wait_until(lambda: self.process.poll() is not None, what="the worker reaches the moment of its death")
        assert self.process.returncode == -signal.SIGKILL, self.log_text()
        workers_gone()

    def wait_until_assigned(self) -> None:
        """Until it has partitions to work on."""
        wait_until(lambda: "partitions_assigned" in self.log_text(), what="the worker has partitions")

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")


def workers_gone() -> None:
    """Until Postgres has noticed that they are dead, and undone what they had begun."""
    wait_until(lambda: not backends(application=APPLICATION), what="the dead workers' connections are closed")
