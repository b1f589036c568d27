"""Polling in Celery workers, so that they settle while the broker is away."""

from typing import Any

from celery import bootsteps

from transactions.channels import channel
from transactions.settlement.poll import Poller


class PollerStep(bootsteps.StartStopStep):
    """Runs the poller in the worker's main process. It starts before the worker connects to its broker.

    Only while Celery is the channel: with another one the workers leave the job table alone.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._poller: Poller | None = None

    def start(self, parent: Any) -> None:  # noqa: ARG002 - Celery's signature
        if channel().is_settled_by_celery:
            self._poller = Poller()
            self._poller.start()

    def stop(self, parent: Any) -> None:  # noqa: ARG002
        if self._poller is not None:
            self._poller.stop()
            self._poller = None

    terminate = stop
