"""The Celery application: `celery -A wallet_project worker`, `… beat`."""

import os
from queue import Empty
from typing import Any

import structlog
from celery import Celery
from celery.bootsteps import StartStopStep
from django_structlog.celery.steps import DjangoStructLogInitStep
from kombu.transport import redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wallet_project.settings")

log = structlog.get_logger(__name__)
#: What a worker answers of what it may be asked through the broker, which is not trusted. Anybody who can write there
#: could otherwise shut workers down or ask for their configuration.
_ANSWERED = {"ping"}


class BrokerChannel(redis.Channel):
    """Lets a worker survive the loss of Redis while it has messages that are not acknowledged.

    Celery gives them back, or acknowledges them later, through the channel that was lost. kombu 5.7 then meets an
    AttributeError, for which a worker dies. A connection error, which this is, it logs.
    """

    @property
    def pool(self) -> Any:
        """The channel's connections. Raises ConnectionError if the channel is closed."""
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("The connection of this channel was lost.")
        return super().pool

    def _brpop_read(self, **options: Any) -> Any:
        """Drops a message that is no JSON, or JSON that is nested too deeply."""
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # missing from the library's types
        except (ValueError, RecursionError):
            log.warning("message_unreadable", exc_info=True)
            raise Empty from None


class BrokerTransport(redis.Transport):
    """Lets a worker survive messages that no site has sent. kombu expects every message to be complete."""

    def _deliver(self, message: Any, queue: Any) -> None:
        try:
            super()._deliver(message, queue)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            log.warning("message_unreadable", exc_info=True)


redis.Transport.Channel = BrokerChannel
redis.Transport = BrokerTransport  # type: ignore[misc]  # kombu finds it by its name


class ControlStep(StartStopStep):
    """Leaves of Celery's remote control only what health checks use."""

    def __init__(self, parent: Any, **options: Any) -> None:
        from celery.worker.control import Panel  # noqa: PLC0415 - only workers have it

        for name in Panel.data.keys() - _ANSWERED:
            del Panel.data[name]
        super().__init__(parent, **options)


class MetricsStep(StartStopStep):
    """Serves a worker's metrics. Its children count in files (PROMETHEUS_MULTIPROC_DIR), which are added up here."""

    # After the pool has forked its children, which must not inherit the socket.
    requires = ("celery.worker.components:Pool",)

    def start(self, parent: Any) -> None:  # noqa: ARG002 - celery's signature
        # Not before: the settings need Django, and the metrics need the folder that the environment names.
        from django.conf import settings  # noqa: PLC0415

        from telemetry import metrics  # noqa: PLC0415

        metrics.exposition_serve(port=settings.METRICS_PORT)


app = Celery("wallet_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# A task's log lines carry the id of the request that sent it.
app.steps["worker"].add(DjangoStructLogInitStep)
app.steps["worker"].add(MetricsStep)
app.steps["worker"].add(ControlStep)
# By name, because the module needs the models, which are not loaded yet.
app.steps["worker"].add("transactions.channels.celery.poller:PollerStep")
