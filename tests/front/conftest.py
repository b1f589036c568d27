from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.front.site import Site
from tests.people import wallet_of
from wallets.models import User, Wallet
from wallets.tokens.services import token_issue


@dataclass
class Person:
    user: User
    wallet: Wallet
    token: str

    def balance(self) -> int:
        self.wallet.refresh_from_db()
        return self.wallet.balance


@pytest.fixture(scope="session")
def site(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests that only send it something."""
    site = Site(log=tmp_path_factory.mktemp("site") / "site.log")
    try:
        yield site.wait_until_up()
    finally:
        # The database can be dropped only when the site has disconnected.
        site.terminate()


@pytest.fixture
def person(transactional_db: None, alice: User) -> Person:
    _, token = token_issue(user=alice, name="test")
    return Person(user=alice, wallet=wallet_of(alice), token=token)
