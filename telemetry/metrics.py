"""The Prometheus metrics. They are declared here, counted in the code that they describe, and
served at /metrics of the internal port (telemetry.internal).

A label has few values (a route's template, never its path), because each combination of values is a series of its own.
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
)
from prometheus_client.multiprocess import MultiProcessCollector

http_request_duration_seconds = Histogram(
    "wallet_http_request_duration_seconds",
    "Duration of requests, by method, route template and status.",
    ["method", "route", "status"],
)
rpc_duration_seconds = Histogram(
    "wallet_rpc_duration_seconds",
    "Duration of gRPC calls, by method and status; for WatchWallet, until its first answer.",
    ["method", "code"],
)
rpc_watchers = Gauge(
    "wallet_rpc_watchers",
    "Open calls of WatchWallet.",
    multiprocess_mode="livesum",
)
password_hashes_refused = Counter(
    "wallet_password_hashes_refused_total",
    "Requests that were refused because too many passwords were being hashed.",
)
transactions_posted = Counter(
    "wallet_transactions_posted_total",
    "Transactions that moved money. Replays of an idempotency key are not counted.",
    ["kind"],
)
transactions_refused = Counter(
    "wallet_transactions_refused_total",
    "Refused requests to move money, by kind and error code.",
    ["kind", "code"],
)
transfers_accepted = Counter(
    "wallet_transfers_accepted_total",
    "Accepted asynchronous transfers. Replays of an idempotency key are not counted.",
)
transfers_settled = Counter(
    "wallet_transfers_settled_total",
    "Settled asynchronous transfers, by outcome: posted or failed.",
    ["outcome"],
)
settlement_faults = Counter(
    "wallet_settlement_faults_total",
    "Batches of jobs that were rolled back after a fault, and will be retried.",
)
dead_letters_buried = Counter(
    "wallet_dead_letters_total",
    "Jobs that were given up after too many faults, and wait for staff.",
)
payouts = Counter(
    "wallet_payouts_total",
    "Pay-outs of withdrawals that were decided, by outcome: confirmed or returned.",
    ["outcome"],
)
dead_letters_replayed = Counter(
    "wallet_dead_letters_replayed_total",
    "Dead letters that staff replayed.",
)
mails = Counter(
    "wallet_mails_total",
    "What became of attempts to send a mail: sent, retried (later), undeliverable (refused for good, or too late).",
    ["outcome"],
)
cache_reads = Counter(
    "wallet_cache_reads_total",
    "Reads of cached objects, by result: hit, miss, or why the cache was bypassed: busy (another reader fills it), "
    "fence (a writer is about to commit), quarantine (Redis is new), lapsed (the trust has ended), redis (away), "
    "refused (the value is not ours), transaction (inside a database transaction), off.",
    ["result"],
)
cache_values_refused = Counter(
    "wallet_cache_values_refused_total",
    "Values found in Redis that were not accepted, by reason: forged (not sealed by this site for this name), old "
    "(sealed more than five minutes ago), early (sealed in the future: the hosts' clocks differ).",
    ["reason"],
)
cache_fills_refused = Counter(
    "wallet_cache_fills_refused_total",
    "Values that were not cached because a writer revoked the lease between the read and the fill.",
)
cache_evictions = Counter(
    "wallet_cache_evictions_total",
    "Names of cached objects that writers evicted, before their commits.",
)
cache_fences_failed = Counter(
    "wallet_cache_fences_failed_total",
    "Commits without a fence because Redis was away. Their names were recorded in Postgres.",
)
cache_swept = Counter(
    "wallet_cache_swept_total",
    "Recorded names that were evicted after Redis came back.",
)
throttled = Counter(
    "wallet_throttled_total",
    "Requests and forms that a rate limit refused, by policy.",
    ["policy"],
)
throttle_fallbacks = Counter(
    "wallet_throttle_fallbacks_total",
    "Rate limit decisions that this process made without Redis, by policy.",
    ["policy"],
)
locks = Counter(
    "wallet_locks_total",
    "Attempts to take a Redis lock, by kind of work and outcome: yes, busy, or unknown (Redis away).",
    ["kind", "outcome"],
)
not_modified = Counter(
    "wallet_not_modified_total",
    "Reads answered with 304 because the client already had the newest state, by route.",
    ["route"],
)
service_calls = Histogram(
    "wallet_service_call_seconds",
    "Duration of a web process's calls to the wallet service, one per attempt, by method and gRPC status.",
    ["method", "code"],
)
warm_ups = Counter(
    "wallet_warm_ups_total",
    "Requests to warm a wallet's reads, by outcome: yes (done), busy (another worker does it), unknown (Redis away), "
    "unsent (the broker is away).",
    ["outcome"],
)
kafka_published = Counter(
    "wallet_kafka_published_total",
    "Messages that Kafka acknowledged, by topic.",
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
    "Settled events that Kafka acknowledged.",
)
settled_events_faults = Counter(
    "wallet_settled_events_faults_total",
    "Batches of settled events that could not be published, and will be retried: Kafka or Postgres was away.",
)
# Several relays may measure the same outbox; the most recent measurement counts.
settled_events_waiting = Gauge(
    "wallet_settled_events_waiting",
    "Upper bound for the number of settled events in the outbox.",
    multiprocess_mode="livemostrecent",
)
settled_events_oldest_seconds = Gauge(
    "wallet_settled_events_oldest_seconds",
    "Age of the oldest event in the outbox; 0 if the outbox is empty.",
    multiprocess_mode="livemostrecent",
)


def exposition() -> tuple[bytes, str]:
    """All metrics of all worker processes in Prometheus's text format, and the content type of that format."""
    return generate_latest(_registry()), CONTENT_TYPE_LATEST


def _registry() -> CollectorRegistry:
    """The metrics of this process or, if processes share the folder PROMETHEUS_MULTIPROC_DIR, of all of them."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library is half typed
    return registry
