"""Users and money in their wallets, created through the services."""

from django.db.models import F

from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind
from wallets.domain.money import AMOUNT_MAX
from wallets.models import User, Wallet, WalletStatus
from wallets.services import user_register, wallet_open

#: The password of all users in the tests.
PASSWORD = "seven quiet lanterns at noon"


def person(name: str) -> User:
    """Registers a user with a confirmed email, who gets an empty USD wallet."""
    return user_register(username=name, email=f"{name}@example.com", password=PASSWORD, is_email_confirmed=True)


def wallet_of(user: User, currency: str = "USD") -> Wallet:
    """The user's wallet, read from the database. Opens it if there is none."""
    return Wallet.objects.filter(owner=user, currency=currency).first() or wallet_open(owner=user, currency=currency)


def funded(name: str, amount: int = 0, currency: str = "USD") -> Wallet:
    """The wallet of a new user, with this balance."""
    wallet = wallet_of(person(name), currency)
    deposit(wallet, amount)
    return wallet_of_id(wallet.id)


def crowd_wallets(count: int, balance: int, *, prefix: str = "person") -> list[Wallet]:
    """The USD wallets of many new users, created with a few statements."""
    names = [f"{prefix}{number}" for number in range(count)]
    User.objects.bulk_create([User(username=name, email=f"{name}@example.com", password="!") for name in names])
    owners = {user.username: user for user in User.objects.filter(username__in=names)}
    # `wallet_open` for the first one, because it also opens the currency's outside wallet.
    first = wallet_open(owner=owners[names[0]], currency="USD")
    rest = Wallet.objects.bulk_create([Wallet(owner=owners[name], currency="USD") for name in names[1:]])
    wallets = [first, *rest]
    if balance:
        assert all(outcome.transaction for outcome in post([_deposit(wallet, balance) for wallet in wallets]))
    return wallets


def deposit(wallet: Wallet, amount: int) -> None:
    """Pays in with as few transactions as possible."""
    steps = [AMOUNT_MAX] * (amount // AMOUNT_MAX) + [amount % AMOUNT_MAX]
    assert all(outcome.transaction for outcome in post([_deposit(wallet, step) for step in steps if step]))


def wallet_of_id(wallet_id: int) -> Wallet:
    return Wallet.objects.select_related("owner").get(id=wallet_id)


def balance_of(wallet: Wallet) -> int:
    return wallet_of_id(wallet.id).balance


def status_set(wallet: Wallet, status: WalletStatus) -> None:
    """Sets the status as wallet_freeze, wallet_reopen and wallet_close do, but without an actor."""
    Wallet.objects.filter(id=wallet.id).update(status=status, updated_at=F("updated_at"))


def _deposit(wallet: Wallet, amount: int) -> Command:
    assert wallet.owner_id is not None
    return Command(kind=Kind.DEPOSIT, amount=amount, destination_id=wallet.id, initiator_id=wallet.owner_id)
