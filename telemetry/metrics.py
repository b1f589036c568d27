"""What Prometheus can ask about. Declared here, counted where it happens, shown at /metrics.

Labels take few values (a route's template, never its path), because each combination is a series of its own.
"""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

http_request_duration_seconds = Histogram(
    "wallet_http_request_duration_seconds",
    "How long a request took, by the template of its route.",
    ["method", "route", "status"],
)
transactions_posted = Counter(
    "wallet_transactions_posted_total",
    "Transactions that moved money; replays of an idempotency key do not count.",
    ["kind"],
)
transactions_refused = Counter(
    "wallet_transactions_refused_total",
    "Requests to move money that were refused, by error code.",
    ["kind", "code"],
)


def exposition() -> tuple[bytes, str]:
    """All metrics, of every worker process, in Prometheus's text format, and its content type."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library is half typed
    return generate_latest(registry), CONTENT_TYPE_LATEST
