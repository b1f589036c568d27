"""The Celery application: `celery -A wallet_project worker`, `… beat`."""

import os
from typing import Any

from celery import Celery
from celery.bootsteps import StartStopStep
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wallet_project.settings")


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
# By name, because the module needs the models, which are not loaded yet.
app.steps["worker"].add("transactions.channels.celery.poller:PollerStep")
