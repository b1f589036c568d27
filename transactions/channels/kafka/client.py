"""The configuration of every Kafka client of this project."""

import logging
import time
from typing import Any

from confluent_kafka import KafkaError
from django.conf import settings

# The codes of librdkafka begin with an underscore; those of the broker do not.
TIMED_OUT = KafkaError._TIMED_OUT  # noqa: SLF001
QUEUE_FULL = KafkaError._QUEUE_FULL  # noqa: SLF001
PARTITION_END = KafkaError._PARTITION_EOF  # noqa: SLF001
FATAL = KafkaError._FATAL  # noqa: SLF001

_AGAIN_S = 60.0


class OnceAMinute(logging.Filter):
    """Drops a line that was logged in the last minute: a consumer without a broker logs 20 lines a second."""

    def __init__(self) -> None:
        super().__init__()
        self._logged_at_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        # Lines may differ only in a duration: "… Connection refused (after 3ms in state CONNECT)".
        line, now_s = record.getMessage().partition(" (after ")[0], time.monotonic()
        self._logged_at_s = {logged: at_s for logged, at_s in self._logged_at_s.items() if now_s < at_s + _AGAIN_S}
        if line in self._logged_at_s:
            return False
        self._logged_at_s[line] = now_s
        return True


# librdkafka's lines (such as those about a broker that does not answer) go into the project's log.
_logger = logging.getLogger("librdkafka")
_logger.addFilter(OnceAMinute())


def client_options(*, quiet: bool = False, **options: Any) -> dict[str, Any]:
    """A configuration for confluent-kafka. `linger_ms=5` sets librdkafka's `linger.ms`. `quiet`: librdkafka logs
    nothing, and errors appear only as exceptions."""
    return {
        "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
        "client.id": "wallet",
        "logger": _logger,
        **({"log_level": 0} if quiet else {}),
        # Reconnect to a broker within a second; the default is ten.
        "reconnect.backoff.max.ms": 1_000,
        **{name.replace("_", "."): value for name, value in options.items()},
        # Last, so that the operator's settings (TLS, SASL) override all of these.
        **settings.KAFKA_CLIENT_OPTIONS,
    }
