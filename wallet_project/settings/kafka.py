"""Kafka: its topics say where accepted transfers wait (TRANSFER_CHANNEL=kafka), and carry events of settled ones."""

from wallet_project.environment import HOST_AND_PORT
from wallet_project.settings.base import env

# Where to find the cluster: host:port, separated by commas. Default: the broker of `make kafka`.
_servers = env.list("KAFKA_BOOTSTRAP_SERVERS", default=["127.0.0.1:9092"], item=HOST_AND_PORT, allowed="host:port")
KAFKA_BOOTSTRAP_SERVERS = ",".join(_servers)
# More options of librdkafka, name=value, separated by commas, such as security.protocol=SASL_SSL,sasl.mechanism=PLAIN.
# They override the site's own. By default there are none: plain text, no authentication.
KAFKA_CLIENT_OPTIONS = env.dict("KAFKA_CLIENT_OPTIONS", default={})
# The first word of every topic's name. Change it if several sites share a cluster.
KAFKA_TOPIC_PREFIX = env.str("KAFKA_TOPIC_PREFIX", default="wallet")
# Partitions of each new topic (the dead-letter topic has one): at most this many consumers share the work.
KAFKA_PARTITIONS = env.int("KAFKA_PARTITIONS", default=16, minimum=1, maximum=10_000)
# Seconds that Kafka keeps the events of settled transactions. A week, so that a reader of events may be down over a
# long weekend.
KAFKA_RETENTION_S = env.int("KAFKA_RETENTION_S", default=604_800, minimum=1)
# Milliseconds after which the partitions of a consumer that was killed go to the others. Shorter values move them
# sooner, but also away from a consumer that is only slow.
KAFKA_SESSION_TIMEOUT_MS = env.int("KAFKA_SESSION_TIMEOUT_MS", default=10_000, minimum=1)
# Milliseconds that the producer tries to hand a message to Kafka before it drops it. No request waits for that. Five
# seconds outlast the election of a new leader in most cases.
KAFKA_DELIVERY_TIMEOUT_MS = env.int("KAFKA_DELIVERY_TIMEOUT_MS", default=5_000, minimum=1)
