"""Staff with different permissions, their browsers, and books to look at."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from tests.audit.books import Books, books_write
from tests.people import person
from tests.staff import browser_of, superuser_create
from wallets.models import User

#: The permissions of staff who may view everything and change nothing.
VIEWS = ["view_user", "view_wallet", "view_walletstatusevent", "view_transaction", "view_entry", "view_apitoken"]


@pytest.fixture
def staff_create(db: None) -> Callable[..., User]:
    """Returns a function that creates a staff user with the given permissions."""

    def create(name: str, *permissions: str) -> User:
        user = person(name)
        user.is_staff = True
        user.save()
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        assert user.user_permissions.count() == len(permissions)
        return user

    return create


@pytest.fixture
def root(db: None) -> User:
    """A superuser."""
    return superuser_create()


@pytest.fixture
def superuser(root: User) -> Client:
    """The superuser's browser."""
    return browser_of(root)


@pytest.fixture
def clerk(staff_create: Callable[..., User]) -> Client:
    """The browser of a staff user who may view everything and change nothing."""
    return browser_of(staff_create("clerk", *VIEWS))


@pytest.fixture
def books(alice: User, bob: User, charlie: User) -> Books:
    return books_write(alice=alice, bob=bob, charlie=charlie)
