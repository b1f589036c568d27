from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from tests.api.client import Api, Person, person
from wallet_project.wsgi import application
from wallets.models import User


@pytest.fixture
def anybody() -> Api:
    """An anonymous client."""
    return Api()


@pytest.fixture
def alice(alice: User) -> Person:
    return person(alice)


@pytest.fixture
def bob(bob: User) -> Person:
    return person(bob)


@pytest.fixture
def charlie(charlie: User) -> Person:
    return person(charlie)


@pytest.fixture
def wsgi(db: None) -> Iterator[object]:
    """The site's WSGI application, including what Django's test client skips.

    Between requests a server closes unusable database connections. A test's connection looks unusable, because the
    test runs in a database transaction.
    """
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield application
    for signal in signals:
        signal.connect(close_old_connections)
