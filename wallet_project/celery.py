"""The Celery application: `celery -A wallet_project worker`, `… beat`."""

import os
from queue import Empty
from typing import Any

import structlog
from celery import Celery
from celery.bootsteps import StartStopStep
from celery.signals import beat_init, celeryd_init
from django_structlog.celery.steps import DjangoStructLogInitStep
from kombu.transport import redis
from redis.exceptions import ResponseError

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Raises if this Redis takes no writes (a replica, no memory left, no rights): no task could be fetched, and
        the worker would connect again at once, many times a second. Raised here, it waits between its attempts."""
        super().__init__(*args, **kwargs)
        try:
            self.client.set(_PROBE, 1, ex=1)
        except Exception:
            self.close()
            raise

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


# A name that a Redis user for the broker may write to, because kombu's own names begin the same.
_PROBE = "_kombu.probe"
redis.Transport.Channel = BrokerChannel
# kombu takes the refusals of a server for errors of the application, and a worker that meets one ends. What Redis
# refuses now, because it became a replica or ran out of memory, it may accept after the next attempt to connect.
BrokerTransport.connection_errors = (*redis.Transport.connection_errors, ResponseError)
redis.Transport = BrokerTransport  # type: ignore[misc]  # kombu finds it by its name


class CheckStep(StartStopStep):
    """Refuses to start a worker with servers that must not be used, before it takes any work."""

    requires = ("celery.worker.components:Timer",)

    def start(self, parent: Any) -> None:  # noqa: ARG002 - celery's signature
        from wallet_project.start import database_check, settings_check  # noqa: PLC0415 - needs Django

        settings_check()
        database_check()


class ControlStep(StartStopStep):
    """Leaves of Celery's remote control only what health checks use."""

    def __init__(self, parent: Any, **options: Any) -> None:
        from celery.worker.control import Panel  # noqa: PLC0415 - only workers have it

        for name in Panel.data.keys() - _ANSWERED:
            del Panel.data[name]
        super().__init__(parent, **options)


class MetricsStep(StartStopStep):
    """Serves a worker's internal port. The children count in files (PROMETHEUS_MULTIPROC_DIR), which are added up."""

    # After the pool has forked its children, which must not inherit the socket.
    requires = ("celery.worker.components:Pool",)

    def start(self, parent: Any) -> None:  # noqa: ARG002 - celery's signature
        # Not before: the settings need Django, and the metrics need the folder that the environment names.
        from django.conf import settings  # noqa: PLC0415

        from telemetry.internal import internal_serve  # noqa: PLC0415

        internal_serve(bind=settings.INTERNAL_BIND)


@celeryd_init.connect
@beat_init.connect
def keys_check(**_: Any) -> None:
    """Ends a worker or beat that starts with a key that strangers know."""
    # Not before: the settings need Django.
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415

    from wallets.auth.wallet_service.keys import keys_assert_secret  # noqa: PLC0415

    try:
        keys_assert_secret()
    except ImproperlyConfigured as error:
        # Celery logs other exceptions of its signals and goes on.
        raise SystemExit(str(error)) from error


app = Celery("wallet_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# A task's log lines carry the id of the request that sent it.
app.steps["worker"].add(DjangoStructLogInitStep)
app.steps["worker"].add(CheckStep)
app.steps["worker"].add(MetricsStep)
app.steps["worker"].add(ControlStep)
# By name, because the module needs the models, which are not loaded yet.
app.steps["worker"].add("transactions.channels.celery.poller:PollerStep")
app.steps["worker"].add("notifications.worker:MailerStep")
