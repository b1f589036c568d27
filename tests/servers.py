"""Gives the tests a Postgres and a Valkey of their own, before Django reads its settings.

Loaded as a plugin (`-p tests.servers` in pyproject.toml), because a conftest.py is read too late for that. With
DATABASE_URL (of a superuser, because the tests create databases and roles) or REDIS_URL set, those are used instead.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devtools.folder_lock import folder_locked
from devtools.leftovers import abandoned_remove
from devtools.servers import directories_make, postgres_server, valkey_server
from wallet_project.embedded import MIGRATION_ROLE, RUNTIME_ROLE, SUPERUSER, Places

#: The environment variable with the superuser's URL. DATABASE_URL is that of the site's role, as in a deployment.
SUPERUSER_URL = "WALLET_TESTS_SUPERUSER_URL"
ROLE_PASSWORD = "in-case-the-tests-use-a-server-that-asks-for-one"
_PREFIX = "wallet-tests-"
#: The folder of this run's servers, where it has any of its own.
RUN_DIR = pytest.StashKey[Path]()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    # A terminated run (a time limit, a closed terminal) cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ.setdefault("SECRET_KEY", "a-key-for-tests-that-signs-nothing-anybody-relies-on-0123456789")
    # Tests of the other ways in choose them.
    os.environ.setdefault("FUNDING", "demo")
    # Tests of limits switch them on.
    os.environ.setdefault("THROTTLE_ENABLED", "0")
    stack = ExitStack()
    early_config.add_cleanup(stack.close)
    # With several workers each has servers of its own. The process that only hands out the tests has none.
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    hands_out = not is_worker and getattr(early_config.known_args_namespace, "numprocesses", None)
    if not hands_out and not {"DATABASE_URL", "REDIS_URL"} <= os.environ.keys():
        early_config.stash[RUN_DIR] = _servers_start(stack)
    if not hands_out:
        _roles_name(os.environ["DATABASE_URL"])
    return (yield)


def _servers_start(stack: ExitStack) -> Path:
    abandoned_remove(prefix=_PREFIX)
    places = Places(Path(tempfile.mkdtemp(prefix=_PREFIX)))
    # Postgres runs as another account when we are root, and has to get in; the folders inside are private.
    places.root.chmod(0o711)
    stack.callback(shutil.rmtree, places.root, ignore_errors=True)
    stack.enter_context(folder_locked(places.lock))
    directories_make(places)
    if "DATABASE_URL" not in os.environ:
        postgres = postgres_server(places, durable=False)
        stack.callback(postgres.stop)
        postgres.start()
        os.environ["DATABASE_URL"] = places.database_url("postgres", role=SUPERUSER)
    if "REDIS_URL" not in os.environ:
        valkey = valkey_server(places, durable=False)
        stack.callback(valkey.stop)
        valkey.start()
        os.environ["REDIS_URL"] = places.redis_url()
    return places.root


def _roles_name(superuser_url: str) -> None:
    """Gives the settings the URLs of the site's roles, which `tests.database` creates."""
    os.environ[SUPERUSER_URL] = superuser_url
    os.environ["DATABASE_URL"] = role_url(RUNTIME_ROLE)
    os.environ["DATABASE_MIGRATION_URL"] = role_url(MIGRATION_ROLE)


def role_url(role: str, *, database: str = "") -> str:
    """The URL of a database of the tests' Postgres, with one of the site's roles."""
    parts = urlsplit(os.environ[SUPERUSER_URL])
    place = f"{role}:{ROLE_PASSWORD}@{parts.netloc.rpartition('@')[2]}"
    return parts._replace(netloc=place, path=f"/{database}" if database else parts.path).geturl()
