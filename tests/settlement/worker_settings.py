"""The tests' settings for a worker process: what would make a test wait for minutes is made short."""

from tests.settings import *  # noqa: F403

# So that tests can tell a worker's connections from their own.
_options = DATABASES["default"]["OPTIONS"]  # noqa: F405
_options["application_name"] = "worker"
# One that stands still in the middle of a transaction is thrown out, after a minute in earnest.
_options["options"] += " -c idle_in_transaction_session_timeout=1500"
# A message that was not acknowledged is delivered again as soon as the next worker starts.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    **CELERY_BROKER_TRANSPORT_OPTIONS,  # noqa: F405
    "visibility_timeout": 1,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
}
TRANSFER_ATTEMPTS_MAX = 3
