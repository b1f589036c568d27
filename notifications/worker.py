"""Celery workers send the mail."""

from typing import Any

from celery import bootsteps

from notifications.mailer import Mailer


class MailerStep(bootsteps.StartStopStep):
    """Runs the mailer in the worker's main process, beside its tasks. It starts before the worker connects to its
    broker."""

    # After the pool has forked its children, which must not inherit the thread's connections.
    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._mailer: Mailer | None = None

    def start(self, parent: Any) -> None:  # noqa: ARG002 - Celery's signature
        self._mailer = Mailer()
        self._mailer.start()

    def stop(self, parent: Any) -> None:  # noqa: ARG002
        if self._mailer is not None:
            self._mailer.stop()
            self._mailer = None

    terminate = stop
