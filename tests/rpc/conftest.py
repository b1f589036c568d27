from dataclasses import dataclass

import grpc
import pytest

from tests.rpc.caller import Caller
from transactions.services import deposit_create
from wallets.models import User, Wallet
from wallets.tokens.services import token_issue


@dataclass
class Person:
    """A user with a USD wallet, and calls with the user's token."""

    user: User
    wallet: Wallet
    calls: Caller
    token: str

    @property
    def wallet_id(self) -> str:
        return str(self.wallet.pk)

    def deposit(self, amount: int) -> None:
        deposit_create(actor=self.user, wallet_id=self.wallet.pk, amount=amount)

    def balance(self) -> int:
        self.wallet.refresh_from_db()
        return self.wallet.balance

    def over(self, channel: grpc.Channel) -> Caller:
        """Calls with the same token over another channel."""
        return Caller(channel, self.token)


def person(user: User, channel: grpc.Channel) -> Person:
    _, token = token_issue(user=user, name="test")
    return Person(user=user, wallet=user.wallets.get(currency="USD"), calls=Caller(channel, token), token=token)


@pytest.fixture
def alice(transactional_db: None, alice: User, channel: grpc.Channel) -> Person:
    return person(alice, channel)


@pytest.fixture
def bob(transactional_db: None, bob: User, channel: grpc.Channel) -> Person:
    return person(bob, channel)
