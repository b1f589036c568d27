"""The Celery application: `celery -A wallet_project worker`, `… beat`."""

import os
from typing import Any

from celery import Celery
from celery.bootsteps import StartStopStep
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wallet_project.settings")


class MetricsStep(StartStopStep):
    """Shows what a worker has counted. Its children count for themselves: PROMETHEUS_MULTIPROC_DIR adds them up."""

    # After the children were forked, which have no use for the socket.
    requires = ("celery.worker.components:Pool",)

    def start(self, parent: Any) -> None:  # noqa: ARG002 - celery's signature
        # When Django is ready, and gunicorn's configuration has said where to count.
        from django.conf import settings  # noqa: PLC0415

        from telemetry import metrics  # noqa: PLC0415

        metrics.exposition_serve(port=settings.METRICS_PORT)


app = Celery("wallet_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# A task's log lines carry the id of the request that sent it.
app.steps["worker"].add(DjangoStructLogInitStep)
app.steps["worker"].add(MetricsStep)
# By name: it needs the models, which are not there yet.
app.steps["worker"].add("transactions.channels.celery.poller:PollerStep")
