"""Users and money in their wallets, created through the services."""

from django.db.models import F

from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind
from wallets.domain.money import AMOUNT_MAX
from wallets.models import User, Wallet, WalletStatus
from wallets.services import user_register, wallet_open


def person(name: str) -> User:
    """Registers a user, who gets an empty USD wallet."""
    return user_register(username=name, email=f"{name}@example.org", password="correct horse")


def wallet_of(user: User, currency: str = "USD") -> Wallet:
    """The user's wallet, read from the database. Opens it if there is none."""
    return Wallet.objects.filter(owner=user, currency=currency).first() or wallet_open(owner=user, currency=currency)


def funded(name: str, amount: int, currency: str = "USD") -> Wallet:
    """The wallet of a new user, with this balance, deposited in as few transactions as possible."""
    wallet = wallet_of(person(name), currency)
    deposit(wallet, amount)
    return wallet_of_id(wallet.id)


def deposit(wallet: Wallet, amount: int) -> None:
    steps = [AMOUNT_MAX] * (amount // AMOUNT_MAX) + [amount % AMOUNT_MAX]
    owner_id = wallet.owner_id
    assert owner_id is not None
    commands = [
        Command(kind=Kind.DEPOSIT, amount=step, destination_id=wallet.id, initiator_id=owner_id)
        for step in steps
        if step
    ]
    assert all(outcome.transaction for outcome in post(commands))


def wallet_of_id(wallet_id: int) -> Wallet:
    return Wallet.objects.select_related("owner").get(id=wallet_id)


def balance_of(wallet: Wallet) -> int:
    return wallet_of_id(wallet.id).balance


def status_set(wallet: Wallet, status: WalletStatus) -> None:
    """Sets the status as wallet_freeze, wallet_reopen and wallet_close do, but without an actor."""
    Wallet.objects.filter(id=wallet.id).update(status=status, updated_at=F("updated_at"))
