"""Staff with different permissions, their browsers, and books to look at."""

import time
from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.models import Permission
from django.test import Client

from tests.audit.books import Books, books_write
from tests.people import person
from wallets.models import User

TOTP_SECRET = "JBSWY3DPEHPK3PXP"
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
def root(staff_create: Callable[..., User]) -> User:
    """A superuser."""
    user = staff_create("root")
    user.is_superuser = True
    user.save()
    return user


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


def browser_of(user: User) -> Client:
    """A browser in which this user has logged in. Staff did so with their second factor."""
    client = Client()
    client.force_login(user)
    if user.is_staff:
        second_factor_use(client, user)
    return client


def second_factor_use(client: Client, user: User) -> None:
    """Gives the user a second factor, and records in the browser's session that it was used."""
    if not is_mfa_enabled(user):
        TOTP.activate(user, TOTP_SECRET)
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "type": "totp"}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
