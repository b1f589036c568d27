"""Users who read over the API, with a token or with a browser's session."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.client import Api, Person, api_client, person
from wallets.models import User


def with_token(user: User) -> Person:
    return person(user)


def with_session(user: User) -> Person:
    client = api_client()
    client.force_login(user)
    return Person(user=user, wallet=user.wallets.get(currency="USD"), api=Api(client=client))


#: The two ways to authenticate.
READERS = pytest.mark.parametrize("reader", [with_token, with_session], ids=["token", "session"])


@contextmanager
def no_queries() -> Iterator[None]:
    """Fails if the code inside queries Postgres."""
    with CaptureQueriesContext(connection) as asked:
        yield
    assert [query["sql"] for query in asked] == []


@contextmanager
def some_queries() -> Iterator[None]:
    """Fails if the code inside does not query Postgres."""
    with CaptureQueriesContext(connection) as asked:
        yield
    assert len(asked) > 0
