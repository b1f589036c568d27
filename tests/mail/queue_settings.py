"""The tests' settings for a process that queues its mail."""

from tests.settings import *  # noqa: F403

EMAIL_BACKEND = "notifications.backends.QueueBackend"
