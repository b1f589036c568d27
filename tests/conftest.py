"""What every test may use."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import hypothesis
import pytest
from django.core.cache import cache
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client, RequestFactory, TransactionTestCase
from django.test.client import MULTIPART_CONTENT
from pytest_django import DjangoDbBlocker, Settings

from devtools import broker
from devtools.broker import broker_possible
from kit.cache import link
from kit.cache.protocol import cache_trust_assert
from kit.redis.identity import identity
from tests import chromium, jdk, nginx, pgbouncer
from tests.chromium import chromium_path
from tests.database import OWNER, acting_as_owner, database_of_the_tests, superuser_name
from tests.installing import is_ci
from tests.kafka_broker import kafka, kafka_process
from tests.nginx import nginx_path
from tests.people import person
from tests.rpc.fixtures import channel, grpc_server, small_server, start_server
from wallets.auth import token_uses
from wallets.models import User

# Here and not where they are used, so that there is one broker and one server for all of them.
__all__ = ["channel", "grpc_server", "kafka", "kafka_process", "small_server", "start_server"]

#: Its rows make ids unique across processes: a flushed lease could be taken by a second process at once.
_NEVER_FLUSHED = "wallets_nodelease"
_FORM = "application/x-www-form-urlencoded"

# The only profile of the property tests. It has no deadline: on a slow or busy machine, one example may take long.
hypothesis.settings.register_profile("wallet", deadline=None)
hypothesis.settings.load_profile("wallet")


@pytest.fixture
def alice(db: None) -> User:
    return person("alice")


@pytest.fixture
def bob(db: None) -> User:
    return person("bob")


@pytest.fixture
def charlie(db: None) -> User:
    return person("charlie")


@pytest.fixture
def passkeys_work(settings: Settings) -> None:
    """Passkeys work at the address of `tests.passkeys.browser`."""
    settings.SITE_URL = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """A wiped Redis is in quarantine, so that no test reads what another one rolled back: see `trusted_cache`."""
    link.breaker.succeeded()
    cache.clear()


@pytest.fixture(autouse=True)
def _uses_of_tokens_unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread writes when a token was last used: it would outlive its test. Tests of that write start it."""
    monkeypatch.setattr(token_uses, "_writer_start", lambda: None)


@pytest.fixture
def trusted_cache(transactional_db: None, settings: Settings) -> None:
    """For tests in which reads are cached: no quarantine, and no renewal of the trust between two queries counted."""
    settings.CACHE_TRUST_MS = 60_000
    cache_trust_assert()


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker, request: pytest.FixtureRequest
) -> Iterator[None]:
    """In place of pytest-django's: the database has the roles of a deployment (see `tests.database`)."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "")
    name = f"test_wallet_{worker}".rstrip("_")
    # Blocked again while the tests run: each one that needs the database unblocks it.
    with (
        django_db_blocker.unblock(),
        _ledger_flushed_by_its_owner(),
        database_of_the_tests(name),
    ):
        # This process knows its database from the start, so no test counts the query that finds out.
        identity()
        with django_db_blocker.block():
            yield


@contextmanager
def _ledger_flushed_by_its_owner() -> Iterator[None]:
    """Lets Django empty the tables after a test that commits, in spite of the ledger's triggers.

    The ledger refuses TRUNCATE, as it should. The flush, and nothing else, runs as a replica would, for which triggers
    do not fire. Only a superuser may become one; SET LOCAL ends with the flush's own transaction.
    """
    sql_flush = DatabaseOperations.sql_flush
    fixture_teardown = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # the stubs leave it out

    def sql_flush_as_replica(self: DatabaseOperations, style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        tables = [table for table in tables if table != _NEVER_FLUSHED]
        # CASCADE: knox makes the table of its own token model although ours stands in for it.
        options["allow_cascade"] = True
        return [
            f'SET LOCAL SESSION AUTHORIZATION "{superuser_name()}"',
            "SET LOCAL session_replication_role = replica",
            f"SET LOCAL SESSION AUTHORIZATION {OWNER}",
            *sql_flush(self, style, tables, **options),
        ]

    def fixture_teardown_as_owner(self: TransactionTestCase) -> None:
        with acting_as_owner():
            fixture_teardown(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush_as_replica)
        patch.setattr(TransactionTestCase, "_fixture_teardown", fixture_teardown_as_owner)
        yield


@pytest.fixture(autouse=True, scope="session")
def _forms_as_browsers_send_them() -> Iterator[None]:
    """The test client posts forms as browsers do. Its own default is multipart, which the site refuses."""
    encode = RequestFactory._encode_data  # type: ignore[attr-defined]  # the stubs lack it

    def encode_data(self: RequestFactory, data: Any, content_type: str) -> Any:
        if content_type == _FORM and isinstance(data, Mapping):
            return urlencode(data, doseq=True).encode()
        return encode(self, data, content_type)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestFactory, "_encode_data", encode_data)
        for kind in (RequestFactory, Client):
            # path, data, content_type, …
            defaults = tuple(_FORM if value == MULTIPART_CONTENT else value for value in kind.post.__defaults__ or ())
            patch.setattr(kind.post, "__defaults__", defaults)
        yield


_left_out = pytest.StashKey[dict[str, int]]()


@dataclass(frozen=True, slots=True)
class _Need:
    """What the tests of a marker drive, which a machine may not have."""

    marker: str
    is_there: Callable[[], bool]
    is_required: Callable[[], bool]
    missing: str


_NEEDS = [
    _Need("browser", lambda: chromium_path() is not None, is_ci, chromium.MISSING),
    _Need("kafka", broker_possible, jdk.is_required, broker.MISSING),
    _Need("nginx", lambda: nginx_path() is not None, is_ci, nginx.MISSING),
    _Need("pooler", lambda: pgbouncer.pgbouncer_path() is not None, is_ci, pgbouncer.MISSING),
]


# First, because pytest-xdist reads the groups in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a Chromium the browser tests are left out, without a JDK those of Kafka, without an nginx those that put
    it in front of the site, and the run says so at its end; in CI it fails instead."""
    left_out = config.stash[_left_out] = {}
    for need in _NEEDS:
        needing = [item for item in items if item.get_closest_marker(need.marker)]
        if need.marker == "kafka":
            for item in needing:
                # One broker for all workers: it takes seconds to start, and half a gigabyte.
                item.add_marker(pytest.mark.xdist_group(need.marker))
        if not needing or need.is_there():
            continue
        if need.is_required():
            raise pytest.UsageError(need.missing)
        items[:] = [item for item in items if item not in needing]
        config.hook.pytest_deselected(items=needing)
        left_out[need.marker] = len(needing)
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = left_out


def pytest_testnodedown(node: Any) -> None:
    """Each test process reports what it has left out. All of them leave out the same."""
    node.config.stash[_left_out] = getattr(node, "workeroutput", {}).get("left_out", {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for need in _NEEDS:
        count = config.stash.get(_left_out, {}).get(need.marker, 0)
        if count:
            terminalreporter.section(f"{need.marker} tests left out", red=True, bold=True)
            terminalreporter.line(f"{count} tests did not run. {need.missing}")
