"""The tests' settings, by which Postgres knows one relay from another."""

import os

from tests.settings import *  # noqa: F403

DATABASES["default"]["OPTIONS"]["application_name"] = os.environ["RELAY_APPLICATION"]  # noqa: F405
