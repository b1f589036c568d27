"""Gunicorn's configuration: `gunicorn -c wallet_project/gunicorn.py wallet_project.wsgi`.

Read by gunicorn's master before it loads any other code, which is what the metrics need.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from telemetry import logs

bind = os.environ.get("BIND") or f"127.0.0.1:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
timeout = 60
graceful_timeout = 30
keepalive = 75  # longer than a load balancer's, so that it is never us who closes a connection in use
# The workers' heartbeat files: a disk that is slow to sync would make healthy workers look dead.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn's own advice
control_socket_disable = True
# Every request is logged once, by the application; what is left are gunicorn's own words, in the same form.
accesslog = None
logconfig_dict = logs.logging_config(as_json=logs.json_wanted())

# Each worker counts for itself, in files of this folder, and /metrics adds them up. prometheus_client decides when it
# is first imported whether it does so, hence here.
_own_metrics_dir = None
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    _own_metrics_dir = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="wallet-metrics-")


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Takes a dead worker's gauges out of the sums; its counters stay."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - after the folder is known

    if Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).is_dir():
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library is half typed


def on_exit(server: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Called in the master alone, when its workers are gone."""
    if _own_metrics_dir is not None:
        shutil.rmtree(_own_metrics_dir, ignore_errors=True)
