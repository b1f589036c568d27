"""Settings of the processes that are recorded: the tests' own, with mail in a folder that the scenario can read."""

import os

from tests.settings import *  # noqa: F403

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = os.environ["FROZEN_MAIL"]
