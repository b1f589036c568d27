"""The tests' settings for a worker process, with short timeouts, so that no test waits for minutes."""

from tests.settings import *  # noqa: F403

# Lets tests distinguish a worker's connections from their own.
_options = DATABASES["default"]["OPTIONS"]  # noqa: F405
_options["application_name"] = "worker"
# Postgres disconnects a worker that idles in a database transaction. In production it waits for a minute.
_options["options"] += " -c idle_in_transaction_session_timeout=1500"
# An unacknowledged message is redelivered as soon as the next worker starts.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    **CELERY_BROKER_TRANSPORT_OPTIONS,  # noqa: F405
    "visibility_timeout": 1,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
}
TRANSFER_ATTEMPTS_MAX = 3
