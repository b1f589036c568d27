from collections.abc import Iterator

import pytest

from tests.concurrency.processes import Worker, workers
from transactions.audit import books_audit


@pytest.fixture(scope="session")
def processes(django_db_setup: None) -> Iterator[list[Worker]]:
    """Four worker processes. They are started once, because starting Django takes long."""
    with workers(4) as started:
        yield started


@pytest.fixture(autouse=True)
def _the_books_balance_afterwards(transactional_db: None) -> Iterator[None]:
    """Audits the books after each test."""
    yield
    audit = books_audit()
    assert audit.clean, audit.findings
