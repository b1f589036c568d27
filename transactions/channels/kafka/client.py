"""How every client of ours reaches Kafka."""

import logging
import time
from typing import Any

from confluent_kafka import KafkaError
from django.conf import settings

# librdkafka's own codes, as against the broker's, begin with an underscore.
TIMED_OUT = KafkaError._TIMED_OUT  # noqa: SLF001
QUEUE_FULL = KafkaError._QUEUE_FULL  # noqa: SLF001
PARTITION_END = KafkaError._PARTITION_EOF  # noqa: SLF001
FATAL = KafkaError._FATAL  # noqa: SLF001

_AGAIN_S = 60.0


class OnceAMinute(logging.Filter):
    """Lets through what was not said in the last minute: a consumer without a broker complains 20 times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        # The same but for how long it took: "… Connection refused (after 3ms in state CONNECT)".
        line, now_s = record.getMessage().partition(" (after ")[0], time.monotonic()
        self._said_at_s = {said: at_s for said, at_s in self._said_at_s.items() if now_s < at_s + _AGAIN_S}
        if line in self._said_at_s:
            return False
        self._said_at_s[line] = now_s
        return True


# librdkafka's own lines (a broker that does not answer) go where all our lines go.
_logger = logging.getLogger("librdkafka")
_logger.addFilter(OnceAMinute())


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
