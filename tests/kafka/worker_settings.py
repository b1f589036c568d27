"""The tests' settings for a consumer's process: what would make a test wait is made short."""

from tests.settings import *  # noqa: F403

# So that tests can tell a worker's connections from their own.
DATABASES["default"]["OPTIONS"]["application_name"] = "worker"  # noqa: F405
TRANSFER_CHANNEL = "kafka"
KAFKA_SESSION_TIMEOUT_MS = 1_500
TRANSFER_ATTEMPTS_MAX = 3
