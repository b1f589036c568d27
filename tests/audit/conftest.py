import pytest

from tests.audit.books import Books, books_write
from wallets.models import User


@pytest.fixture
def books(alice: User, bob: User, charlie: User) -> Books:
    return books_write(alice=alice, bob=bob, charlie=charlie)
