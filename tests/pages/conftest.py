"""The browsers of signed-in users."""

import pytest
from django.test import Client

from tests.pages.kit import fresh
from wallets.models import User


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return fresh(client, user)


@pytest.fixture
def alices(alice: User) -> Client:
    """Alice's browser."""
    return _client(alice)


@pytest.fixture
def bobs(bob: User) -> Client:
    """Bob's browser."""
    return _client(bob)
