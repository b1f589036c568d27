"""How every client of ours reaches Kafka."""

import logging
from typing import Any

from confluent_kafka import KafkaError
from django.conf import settings

# librdkafka's own codes, as against the broker's, begin with an underscore.
TIMED_OUT = KafkaError._TIMED_OUT  # noqa: SLF001
QUEUE_FULL = KafkaError._QUEUE_FULL  # noqa: SLF001
FATAL = KafkaError._FATAL  # noqa: SLF001

# librdkafka's own lines (a broker that does not answer) go where all our lines go.
_logger = logging.getLogger("librdkafka")


def client_options(*, quiet: bool = False, **options: Any) -> dict[str, Any]:
    """A configuration for confluent-kafka; `linger_ms=5` stands for librdkafka's `linger.ms`. `quiet`: what goes wrong
    is told by exceptions alone."""
    return {
        "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
        "client.id": "wallet",
        "logger": _logger,
        **({"log_level": 0} if quiet else {}),
        # A broker that comes back is found within a second, not within ten.
        "reconnect.backoff.max.ms": 1_000,
        **{name.replace("_", "."): value for name, value in options.items()},
        # Last, so that whoever runs the site has the last word: TLS, SASL and the like.
        **settings.KAFKA_CLIENT_OPTIONS,
    }
