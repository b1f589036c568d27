"""The tests' settings, with an application name by which tests find this relay's connections in Postgres."""

import os

from tests.settings import *  # noqa: F403

DATABASES["default"]["OPTIONS"]["application_name"] = os.environ["RELAY_APPLICATION"]  # noqa: F405
