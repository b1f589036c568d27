"""Posts a deposit that somebody other than the wallet's owner makes."""

from typing import NoReturn

from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind, Transaction
from wallets.domain.errors import WalletError
from wallets.models import User

#: Nobody can register this name, because a username contains no "@".
PROVIDER_NAME = "@provider"


def deposit_post(*, initiator: User, wallet_id: int, amount: int, memo: str, key: str) -> Transaction:
    """Posts a deposit of `amount` minor units once: a repeated call with the same key returns the same deposit.

    Raises WalletError if the ledger refuses, for example because the wallet is frozen, or because the key was used for
    a different deposit.
    """
    command = Command(
        kind=Kind.DEPOSIT,
        amount=amount,
        destination_id=wallet_id,
        initiator_id=initiator.pk,
        memo=memo,
        idempotency_key=key,
    )
    [outcome] = post([command])
    return outcome.transaction or _refuse(outcome.error)


def provider_user() -> User:
    """The account in whose name the provider's deposits are posted. Nobody can sign in to it."""
    # Race: two webhooks create the account at once. get_or_create then reads the one that won.
    user, _ = User.objects.get_or_create(username=PROVIDER_NAME, defaults={"is_active": False, "password": "!"})
    return user


def _refuse(error: WalletError | None) -> NoReturn:
    assert error is not None  # noqa: S101 - the ledger answers with a transaction or an error
    raise error
