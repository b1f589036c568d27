"""Gunicorn's configuration: `gunicorn -c wallet_project/gunicorn.py wallet_project.wsgi`.

Gunicorn's master reads this file before it loads any other code. The metrics depend on that order.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from telemetry import logs
from telemetry.listening import internal_listen
from wallet_project.environment import Environment

env = Environment()
bind = env.str("BIND", default="") or f"127.0.0.1:{env.int('PORT', default=8000, minimum=1, maximum=65_535)}"
# Threads that get only requests that have arrived completely, so that slow clients occupy none.
worker_class = "kit.server.worker.BufferingWorker"
workers = env.int("WEB_CONCURRENCY", default=2, minimum=1, maximum=1_000)
threads = env.int("WEB_THREADS", default=8, minimum=1, maximum=1_000)
# Open connections per worker. Beyond that, the connection that has waited longest makes room. It stays well below the
# 1024 files that a process may usually open, and idle browsers keep a connection open each.
worker_connections = 512
timeout = 60
graceful_timeout = 30
keepalive = 75  # longer than a load balancer's, so that gunicorn never closes a connection that is in use
# The workers' heartbeat files. On a disk with slow syncs, healthy workers would look dead.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn's own advice
control_socket_disable = True
# Gunicorn would believe these headers if the client, or a proxy that passes them on, is on this machine. Only Django
# judges them (TRUSTED_PROXIES).
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
# The application logs every request once. What remains are gunicorn's own messages, in the same format.
accesslog = None
logconfig_dict = logs.logging_config(as_json=logs.json_wanted())

# Where the workers answer operators; see wallet_project/settings/telemetry.py.
_internal_bind = env.str("INTERNAL_BIND", default="")

# Each worker counts in files of this folder, and /metrics adds them up. prometheus_client reads the variable when it is
# first imported, so it must be set here.
_own_metrics_dir = None
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    _own_metrics_dir = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="wallet-metrics-")


def on_starting(server: Any) -> None:
    """Opens the internal port. All workers accept on this one socket, so it answers as long as one of them lives."""
    if not _internal_bind:
        return
    try:
        server.internal_listener = internal_listen(_internal_bind)
    except (ValueError, OSError) as error:
        raise SystemExit(f"INTERNAL_BIND={_internal_bind}: {error}") from error


def post_fork(server: Any, worker: Any) -> None:
    worker.internal_listener = getattr(server, "internal_listener", None)


def post_worker_init(worker: Any) -> None:
    """The application is loaded now, which the probes need. Ends gunicorn if the database must not be used."""
    from wallet_project.start import database_check  # noqa: PLC0415 - needs Django, which the worker has loaded

    database_check()
    if worker.internal_listener is not None:
        from telemetry.internal import internal_answer  # noqa: PLC0415 - as above
        from wallet_project.health import INTERNAL_PROBES  # noqa: PLC0415

        internal_answer(worker.internal_listener, probes=INTERNAL_PROBES)


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Removes a dead worker's gauges from the sums. Its counters stay."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - the variable must be set first

    if Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).is_dir():
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library is half typed


def on_exit(server: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Gunicorn calls this only in the master, after its workers have ended."""
    if _own_metrics_dir is not None:
        shutil.rmtree(_own_metrics_dir, ignore_errors=True)
