"""Kafka: its topics say where accepted transfers wait (TRANSFER_CHANNEL=kafka), and carry events of settled ones."""

from django.core.exceptions import ImproperlyConfigured

from wallet_project.settings.base import env

# Where to find the cluster: host:port, separated by commas. Default: the broker of `make kafka`.
KAFKA_BOOTSTRAP_SERVERS = env.str("KAFKA_BOOTSTRAP_SERVERS", default="127.0.0.1:9092")
# More options of librdkafka, name=value, separated by commas, such as security.protocol=SASL_SSL,sasl.mechanism=PLAIN.
# They override the site's own. By default there are none: plain text, no authentication.
KAFKA_CLIENT_OPTIONS = env.dict("KAFKA_CLIENT_OPTIONS", default={})
# The first word of every topic's name. Change it if several sites share a cluster.
KAFKA_TOPIC_PREFIX = env.str("KAFKA_TOPIC_PREFIX", default="wallet")
# Partitions of each new topic (the dead-letter topic has one): at most this many consumers share the work.
KAFKA_PARTITIONS = env.int("KAFKA_PARTITIONS", default=16)
# Seconds that Kafka keeps the events of settled transactions. A week, so that a reader of events may be down over a
# long weekend.
KAFKA_RETENTION_S = env.int("KAFKA_RETENTION_S", default=604_800)
# Milliseconds after which the partitions of a consumer that was killed go to the others. Shorter values move them
# sooner, but also away from a consumer that is only slow.
KAFKA_SESSION_TIMEOUT_MS = env.int("KAFKA_SESSION_TIMEOUT_MS", default=10_000)
# Milliseconds that the producer tries to hand a message to Kafka before it drops it. No request waits for that. Five
# seconds outlast the election of a new leader in most cases.
KAFKA_DELIVERY_TIMEOUT_MS = env.int("KAFKA_DELIVERY_TIMEOUT_MS", default=5_000)

for _name, _value in {
    "KAFKA_PARTITIONS": KAFKA_PARTITIONS,
    "KAFKA_RETENTION_S": KAFKA_RETENTION_S,
    "KAFKA_SESSION_TIMEOUT_MS": KAFKA_SESSION_TIMEOUT_MS,
    "KAFKA_DELIVERY_TIMEOUT_MS": KAFKA_DELIVERY_TIMEOUT_MS,
}.items():
    # librdkafka refuses 0 or less, or takes it for "for ever".
    if _value < 1:
        raise ImproperlyConfigured(f"{_name} is 1 or more.")
