"""Users whose browsers use the process without books."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP

from tests.frozen.authenticator import totp_code
from tests.pages.kit import fill
from tests.people import PASSWORD, person
from tests.staff import TOTP_SECRET
from tests.wallet_service.site import Site, Visitor
from wallets.models import User


@pytest.fixture
def client(site: Site) -> Visitor:
    """An anonymous visitor's browser."""
    return Visitor(site.port)


@pytest.fixture
def alice(site: Site) -> User:
    return person("alice")


@pytest.fixture
def bob(site: Site) -> User:
    return person("bob")


@pytest.fixture
def charlie(site: Site) -> User:
    return person("charlie")


@pytest.fixture
def alices(site: Site, alice: User) -> Visitor:
    return signed_in(site, "alice")


@pytest.fixture
def bobs(site: Site, bob: User) -> Visitor:
    return signed_in(site, "bob")


def signed_in(site: Site, name: str) -> Visitor:
    """A browser in which the user has logged in through the form."""
    visitor = Visitor(site.port)
    assert fill(visitor, "/accounts/login/", login=name, password=PASSWORD)["Location"] == "/"  # type: ignore[arg-type]  # Visitor accepts what Django's client accepts
    return visitor


def staff_signed_in(site: Site, user: User) -> Visitor:
    """A browser in which this user, now a superuser, has logged in with a second factor."""
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    TOTP.activate(user, TOTP_SECRET)
    visitor = Visitor(site.port)
    fill(visitor, "/accounts/login/", login=user.username, password=PASSWORD)  # type: ignore[arg-type]  # as above
    answer = fill(visitor, "/accounts/2fa/authenticate/", code=totp_code(TOTP_SECRET))  # type: ignore[arg-type]
    assert answer["Location"] == "/"
    return visitor
