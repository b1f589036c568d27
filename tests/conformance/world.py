"""The users of one run of a case. They have numbered names, so that each channel gets equal but separate users."""

from dataclasses import dataclass

from transactions.services import deposit_create
from wallets.models import User, Wallet
from wallets.services import user_register, wallet_open
from wallets.tokens.services import token_issue


@dataclass(frozen=True, slots=True)
class Person:
    """A user with a USD wallet and a token."""

    user: User
    wallet: Wallet
    token: str

    @property
    def name(self) -> str:
        return self.user.username

    @property
    def wallet_id(self) -> str:
        return str(self.wallet.pk)

    def balance(self) -> int:
        return Wallet.objects.get(pk=self.wallet.pk).balance

    def open(self, currency: str) -> str:
        return str(wallet_open(owner=self.user, currency=currency).pk)

    def deposit(self, amount: int) -> None:
        deposit_create(actor=self.user, wallet_id=self.wallet.pk, amount=amount)


@dataclass(frozen=True, slots=True)
class World:
    """Alice has 10.00 USD; Bob has nothing."""

    alice: Person
    bob: Person


def world_make(number: int) -> World:
    alice, bob = (_person(f"{name}{number}") for name in ("alice", "bob"))
    alice.deposit(1_000)
    return World(alice, bob)


def _person(name: str) -> Person:
    # An unusable password, because hashing one would take longer than the rest and nobody logs in with it.
    user = user_register(username=name, email=f"{name}@example.com", password="-", is_email_confirmed=True)
    _, token = token_issue(user=user, name="test")
    return Person(user=user, wallet=Wallet.objects.get(owner=user), token=token)
