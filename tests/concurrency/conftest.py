from collections.abc import Iterator

import pytest

from tests.concurrency.processes import Worker, workers
from transactions.audit import books_audit


@pytest.fixture(scope="session")
def processes(django_db_setup: None) -> Iterator[list[Worker]]:
    """Four other processes; started once, because a Django takes its time to start."""
    with workers(4) as started:
        yield started


@pytest.fixture(autouse=True)
def _books_are_right_afterwards(transactional_db: None) -> Iterator[None]:
    """Whatever the crowd did."""
    yield
    audit = books_audit()
    assert audit.clean, audit.faults
