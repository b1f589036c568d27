"""What every test may use."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.core.cache import cache
from django.db.backends.postgresql.operations import DatabaseOperations
from pytest_django import Settings

from tests.chromium import MISSING, chromium_path, is_required
from tests.rpc.fixtures import channel, grpc_server, small_server, start_server
from wallets.cache import cache_trust_assert
from wallets.freshness import link
from wallets.models import User
from wallets.services import user_register

# Here and not where they are used, so that there is one server for all of them.
__all__ = ["channel", "grpc_server", "small_server", "start_server"]

#: Its rows make ids unique across processes: a flushed lease could be taken by a second process at once.
_NEVER_FLUSHED = "wallets_nodelease"
#: The password of everybody in the tests.
PASSWORD = "correct horse battery staple"


@pytest.fixture
def alice(db: None) -> User:
    return user_register(username="alice", email="alice@example.com", password=PASSWORD)


@pytest.fixture
def bob(db: None) -> User:
    return user_register(username="bob", email="bob@example.com", password=PASSWORD)


@pytest.fixture
def charlie(db: None) -> User:
    return user_register(username="charlie", email="charlie@example.com", password=PASSWORD)


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """A wiped Redis is in quarantine, so that no test reads what another one rolled back: see `trusted_cache`."""
    link.breaker.succeeded()
    cache.clear()


@pytest.fixture
def trusted_cache(transactional_db: None, settings: Settings) -> None:
    """For tests in which reads are cached: no quarantine, and no renewal of the trust between two queries counted."""
    settings.CACHE_TRUST_MS = 60_000
    cache_trust_assert()


@pytest.fixture(autouse=True, scope="session")
def _ledger_can_be_flushed() -> Iterator[None]:
    """Lets Django empty the tables after a test that commits, in spite of the ledger's triggers.

    The ledger refuses TRUNCATE, as it should. The flush, and nothing else, runs as a replica would, for which triggers
    do not fire; SET LOCAL ends with the flush's own transaction.
    """
    sql_flush = DatabaseOperations.sql_flush

    def sql_flush_as_replica(self: DatabaseOperations, style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        tables = [table for table in tables if table != _NEVER_FLUSHED]
        # CASCADE: knox makes the table of its own token model although ours stands in for it.
        options["allow_cascade"] = True
        return ["SET LOCAL session_replication_role = replica", *sql_flush(self, style, tables, **options)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush_as_replica)
        yield


_browser_tests_left_out = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a Chromium the browser tests are left out, and the run says so at its end; in CI it fails instead."""
    driven = [item for item in items if item.get_closest_marker("browser")]
    if not driven or chromium_path() is not None:
        return
    if is_required():
        raise pytest.UsageError(MISSING)
    items[:] = [item for item in items if item not in driven]
    config.hook.pytest_deselected(items=driven)
    config.stash[_browser_tests_left_out] = len(driven)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(_browser_tests_left_out, 0)
    if left_out:
        terminalreporter.section("browser tests left out", red=True, bold=True)
        terminalreporter.line(f"{left_out} tests did not run. {MISSING}")
