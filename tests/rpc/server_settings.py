"""The tests' settings, with an application name by which tests find this server's connections in Postgres."""

import os

from tests.settings import *  # noqa: F403

DATABASES["default"]["OPTIONS"]["application_name"] = os.environ["GRPC_APPLICATION"]  # noqa: F405
