"""The tests' settings for a consumer's process: what would make a test wait is made short."""

from tests.settings import *  # noqa: F403

# So that tests can tell a consumer's connections from their own.
_options = DATABASES["default"]["OPTIONS"]  # noqa: F405
_options["application_name"] = "consumer"
# One that stands still in the middle of a transaction is thrown out, after a minute in earnest.
_options["options"] += " -c idle_in_transaction_session_timeout=30000"
TRANSFER_CHANNEL = "kafka"
KAFKA_SESSION_TIMEOUT_MS = 1_500
TRANSFER_ATTEMPTS_MAX = 3
