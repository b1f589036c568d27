"""Consumers as processes of their own, which may be frozen or killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from devtools.servers import RUN_DIR_VARIABLE
from tests.settlement.locks import backends
from tests.settlement.waiting import wait_until
from tests.settlement.worker import database_url

#: By this name Postgres knows the consumers' connections.
APPLICATION = "consumer"
_STOP_TIMEOUT_S = 60


class Worker:
    """`manage.py consume_transfers`, reading this test's topics."""

    def __init__(self, *, log: Path, **environment: str) -> None:
        self._log = log
        environment = (
            os.environ
            | {
                "DATABASE_URL": database_url(),
                "REDIS_URL": settings.REDIS_URL,
                "KAFKA_BOOTSTRAP_SERVERS": settings.KAFKA_BOOTSTRAP_SERVERS,
                "KAFKA_TOPIC_PREFIX": settings.KAFKA_TOPIC_PREFIX,
                "KAFKA_PARTITIONS": str(settings.KAFKA_PARTITIONS),
                "DJANGO_SETTINGS_MODULE": "tests.kafka.worker_settings",
            }
            | environment
        )
        # Playwright's event loop, if a browser test ran before, is none of the consumer's.
        environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
        environment.pop(RUN_DIR_VARIABLE, None)
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "consume_transfers"], cwd=settings.BASE_DIR, env=environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """It stands still, alive, as when its machine swaps or is being moved."""
        self.process.send_signal(signal.SIGSTOP)

    def unfreeze(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """As an operator stops it: it finishes the batch in hand, and leaves the group."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(_STOP_TIMEOUT_S) == 0, self.log_text()

    def wait_until_assigned(self) -> None:
        """Until it has partitions to work on."""
        wait_until(lambda: "partitions_assigned" in self.log_text(), what="the consumer has partitions")

    def wait_until_blocked(self) -> None:
        """Until it waits for a lock in Postgres: it is in the middle of a batch, and stays there."""
        wait_until(lambda: bool(backends(application=APPLICATION, waiting=True)), what="a consumer waits for a lock")

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")


def workers_gone() -> None:
    """Until Postgres has noticed that they are dead, and undone what they had begun."""
    wait_until(lambda: not backends(application=APPLICATION), what="the dead consumers' connections are closed")
