"""Ten thousand people, each with a wallet full of money and an API token. All by legal ways in."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from knox.crypto import hash_token
from knox.settings import CONSTANTS

from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind
from wallets.domain.currencies import CURRENCIES
from wallets.domain.mandates import Scope
from wallets.models import ApiToken, User, Wallet
from wallets.node_leases import snowflake_next

_CURRENCY = "USD"
_MONEY = 1_000_000_000
_LIST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Users and their wallets in the same order. The ids of both are consecutive, so that pgbench can count them."""

    users: Sequence[User]
    wallets: Sequence[Wallet]
    tokens: Sequence[str]

    def pair(self, chance: random.Random) -> tuple[int, int]:
        """Two different places in the lists."""
        source, destination = chance.sample(range(len(self.wallets)), 2)
        return source, destination


def people_load(count: int, *, money: int = _MONEY) -> People:
    """Makes the people and gives each of them money, if any."""
    first = (User.objects.order_by("-id").values_list("id", flat=True).first() or 0) + 1_000_000
    users = User.objects.bulk_create(
        [
            User(id=first + n, username=f"person-{n:06}", email=f"person-{n:06}@example.com", password="!")
            for n in range(count)
        ]
    )
    first_wallet = snowflake_next()
    outside = Wallet(id=CURRENCIES[_CURRENCY].numeric, owner=None, currency=_CURRENCY)
    Wallet.objects.bulk_create([outside], ignore_conflicts=True)
    wallets = Wallet.objects.bulk_create(
        [Wallet(id=first_wallet + n, owner=user, currency=_CURRENCY) for n, user in enumerate(users)]
    )
    for start in range(0, count if money else 0, _LIST):
        post([_deposit(wallet, money) for wallet in wallets[start : start + _LIST]])
    return People(users=users, wallets=wallets, tokens=_tokens_make(users))


def _deposit(wallet: Wallet, money: int) -> Command:
    assert wallet.owner_id is not None
    return Command(kind=Kind.DEPOSIT, amount=money, destination_id=wallet.id, initiator_id=wallet.owner_id)


def _tokens_make(users: Sequence[User]) -> list[str]:
    secrets = [f"{user.pk:064x}" for user in users]
    expiry = timezone.now() + timedelta(days=1)
    ApiToken.objects.bulk_create(
        [
            ApiToken(
                user=user,
                digest=hash_token(secret),
                token_key=secret[: CONSTANTS.TOKEN_KEY_LENGTH],
                expiry=expiry,
                name="bench",
                scopes=[scope.value for scope in Scope],
            )
            for user, secret in zip(users, secrets, strict=True)
        ]
    )
    return secrets
