"""What Prometheus can ask about. Declared here, counted where it happens, shown at /metrics.

Labels take few values (a route's template, never its path), because each combination is a series of its own.
"""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector

http_request_duration_seconds = Histogram(
    "wallet_http_request_duration_seconds",
    "How long a request took, by the template of its route.",
    ["method", "route", "status"],
)
rpc_duration_seconds = Histogram(
    "wallet_rpc_duration_seconds",
    "How long a gRPC call took, by method and status; of WatchWallet, until its first answer.",
    ["method", "code"],
)
rpc_watchers = Gauge(
    "wallet_rpc_watchers",
    "Calls of WatchWallet that are open.",
    multiprocess_mode="livesum",
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
cache_reads = Counter(
    "wallet_cache_reads_total",
    "Reads of cached objects, by result: hit, miss, or why the cache was passed by: busy (somebody else fills it), "
    "fence (a writer is about to commit), quarantine (Redis is new), lapsed (the trust has run out), redis (away), "
    "transaction, off.",
    ["result"],
)
cache_fills_refused = Counter(
    "wallet_cache_fills_refused_total",
    "Values that were not cached because a writer came between the reading and the filling.",
)
cache_evictions = Counter(
    "wallet_cache_evictions_total",
    "Names of cached objects that writers evicted after their commits.",
)
cache_fences_failed = Counter(
    "wallet_cache_fences_failed_total",
    "Commits whose fence could not be set because Redis was away; their names went on record in Postgres.",
)
cache_swept = Counter(
    "wallet_cache_swept_total",
    "Names that were evicted from that record, when Redis was back.",
)
throttled = Counter(
    "wallet_throttled_total",
    "Requests and forms that were refused because there were too many, by policy.",
    ["policy"],
)
throttle_fallbacks = Counter(
    "wallet_throttle_fallbacks_total",
    "Decisions on a limit that this process made alone because Redis was away, by policy.",
    ["policy"],
)
locks = Counter(
    "wallet_locks_total",
    "Attempts to take a lock in Redis, by kind of work and outcome: yes, busy, or unknown (Redis away).",
    ["kind", "outcome"],
)
not_modified = Counter(
    "wallet_not_modified_total",
    "Reads that were answered 304 because the client had the newest state already, by route.",
    ["route"],
)
service_calls = Histogram(
    "wallet_service_call_seconds",
    "How long a web process's call to the wallet service took, each try by itself, by method and gRPC status.",
    ["method", "code"],
)
warm_ups = Counter(
    "wallet_warm_ups_total",
    "Requests to warm a wallet's reads, by outcome: yes (done), busy (somebody else is at it), unknown (Redis away), "
    "unsent (the broker is away).",
    ["outcome"],
)
kafka_published = Counter(
    "wallet_kafka_published_total",
    "Messages that Kafka has acknowledged, by topic.",
    ["topic"],
)
kafka_unacknowledged = Counter(
    "wallet_kafka_unacknowledged_total",
    "Messages that Kafka has not acknowledged in time, by topic. Polling finds the jobs that they were about.",
    ["topic"],
)
kafka_consumed = Counter(
    "wallet_kafka_consumed_total",
    "Messages that consumers have taken, by outcome: read (it named a wallet to look at) or unreadable (stored in the "
    "dead-letter topic).",
    ["outcome"],
)
kafka_lag = Gauge(
    "wallet_kafka_lag",
    "Messages that wait in the partitions of each consumer, by topic. They say where to look; jobs wait in Postgres.",
    ["topic"],
    multiprocess_mode="livesum",
)
settled_events_published = Counter(
    "wallet_settled_events_published_total",
    "Events of settled transactions that Kafka has acknowledged.",
)
settled_events_faults = Counter(
    "wallet_settled_events_faults_total",
    "Batches of events that could not be told, to be tried again: Kafka or Postgres was away.",
)
# Of several relays each asks the same outbox; the last one to ask is right.
settled_events_waiting = Gauge(
    "wallet_settled_events_waiting",
    "Events that wait in the outbox, at the most.",
    multiprocess_mode="livemostrecent",
)
settled_events_oldest_seconds = Gauge(
    "wallet_settled_events_oldest_seconds",
    "How long ago the oldest event in the outbox was settled; 0 where none waits.",
    multiprocess_mode="livemostrecent",
)


def exposition() -> tuple[bytes, str]:
    """All metrics, of every worker process, in Prometheus's text format, and its content type."""
    return generate_latest(_registry()), CONTENT_TYPE_LATEST


def exposition_serve(*, port: int) -> None:
    """Shows the same at http://…:port/metrics, for processes that serve nothing else over HTTP. In a thread.

    Port 0 is nowhere. Raises OSError where the port is taken.
    """
    if port:
        start_http_server(port, registry=_registry())


def _registry() -> CollectorRegistry:
    """What this process has counted; where several write to the same folder, what all of them have."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library is half typed
    return registry
