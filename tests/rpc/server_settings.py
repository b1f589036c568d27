"""The tests' settings, by which Postgres knows one server from another, and from all else that runs."""

import os

from tests.settings import *  # noqa: F403

DATABASES["default"]["OPTIONS"]["application_name"] = os.environ["GRPC_APPLICATION"]  # noqa: F405
