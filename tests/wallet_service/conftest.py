from collections.abc import Iterator

import pytest

from tests.api.client import Api, Person
from tests.rpc.server import GrpcServer
from tests.wallet_service.site import KEY, Site, Visitor
from wallets.models import User
from wallets.tokens.services import token_issue


@pytest.fixture(scope="session")
def service(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrpcServer]:
    """The wallet service, for all tests that do not stop it."""
    log = tmp_path_factory.mktemp("service") / "service.log"
    server = GrpcServer(log=log, WALLET_SERVICE_KEY=KEY, CACHE_TRUST_MS="60000")
    try:
        yield server.wait_until_up()
    finally:
        server.terminate()


@pytest.fixture(scope="session")
def shared_site(service: GrpcServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(log=tmp_path_factory.mktemp("site") / "site.log", service=service.target)
    try:
        yield site.wait_until_up()
    finally:
        site.terminate()


@pytest.fixture
def site(shared_site: Site, transactional_db: None) -> Site:
    """The process that serves pages and REST, without any rights on the books. It sees what the test commits."""
    return shared_site


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """A browser."""
    return Visitor(site.port)


def person(user: User, site: Site) -> Person:
    """The user with a token, whose requests go to the site's process."""
    _, secret = token_issue(user=user, name="test")
    return Person(user=user, wallet=user.wallets.get(currency="USD"), api=Api(token=secret, client=Visitor(site.port)))  # type: ignore[arg-type]  # Visitor accepts what Django's client accepts


@pytest.fixture
def alice(site: Site, alice: User) -> Person:
    return person(alice, site)


@pytest.fixture
def bob(site: Site, bob: User) -> Person:
    return person(bob, site)


@pytest.fixture
def charlie(site: Site, charlie: User) -> Person:
    return person(charlie, site)
