"""Gunicorn's configuration: `gunicorn -c wallet_project/gunicorn.py wallet_project.wsgi`.

Gunicorn's master reads this file before it loads any other code. The metrics depend on that order.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from telemetry import logs
from wallet_project.environment import Environment

env = Environment()
bind = env.str("BIND", default="") or f"127.0.0.1:{env.int('PORT', default=8000, minimum=1, maximum=65_535)}"
worker_class = "gthread"
workers = env.int("WEB_CONCURRENCY", default=2, minimum=1, maximum=1_000)
threads = env.int("WEB_THREADS", default=8, minimum=1, maximum=1_000)
timeout = 60
graceful_timeout = 30
keepalive = 75  # longer than a load balancer's, so that gunicorn never closes a connection that is in use
# The workers' heartbeat files. On a disk with slow syncs, healthy workers would look dead.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn's own advice
control_socket_disable = True
# The application logs every request once. What remains are gunicorn's own messages, in the same format.
accesslog = None
logconfig_dict = logs.logging_config(as_json=logs.json_wanted())

# Each worker counts in files of this folder, and /metrics adds them up. prometheus_client reads the variable when it is
# first imported, so it must be set here.
_own_metrics_dir = None
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    _own_metrics_dir = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="wallet-metrics-")


def post_worker_init(worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Ends gunicorn if the database must not be used."""
    from wallet_project.start import database_check  # noqa: PLC0415 - needs Django, which the worker has loaded

    database_check()


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Removes a dead worker's gauges from the sums. Its counters stay."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - the variable must be set first

    if Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).is_dir():
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library is half typed


def on_exit(server: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Gunicorn calls this only in the master, after its workers have ended."""
    if _own_metrics_dir is not None:
        shutil.rmtree(_own_metrics_dir, ignore_errors=True)
