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
transfers_accepted = Counter(
    "wallet_transfers_accepted_total",
    "Transfers that were accepted to be settled behind; replays of an idempotency key do not count.",
)
transfers_settled = Counter(
    "wallet_transfers_settled_total",
    "Accepted transfers that came to their end, by outcome: posted or failed.",
    ["outcome"],
)
settlement_faults = Counter(
    "wallet_settlement_faults_total",
    "Batches of accepted transfers that met a fault and were undone, to be tried again.",
)
dead_letters_buried = Counter(
    "wallet_dead_letters_total",
    "Accepted transfers that met a fault too often and were left to staff.",
)
dead_letters_replayed = Counter(
    "wallet_dead_letters_replayed_total",
    "Dead letters that staff put back into the queue.",
)


def exposition() -> tuple[bytes, str]:
    """All metrics, of every worker process, in Prometheus's text format, and its content type."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library is half typed
    return generate_latest(registry), CONTENT_TYPE_LATEST
