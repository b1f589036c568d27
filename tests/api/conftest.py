from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from tests.api.client import Api, Person, person
from wallet_project.wsgi import application
from wallets.models import User


@pytest.fixture
def anybody() -> Api:
    """A client that has not signed in."""
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
    """The site as a server runs it: what Django's own test client leaves out is part of it.

    Between requests a server drops connections that look unclean, as the one of a test inside a transaction does.
    """
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield application
    for signal in signals:
        signal.connect(close_old_connections)
