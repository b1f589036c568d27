"""Deposits that the payment provider reports."""

from dataclasses import dataclass

from transactions.funding.deposits import deposit_post
from transactions.models import Transaction
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedDeposit:
    """Money that has arrived at the provider. `provider_id` is the provider's id of the payment; `amount` is in minor
    units of `currency`."""

    provider_id: str
    wallet_id: int
    amount: int
    currency: str
    memo: str = ""


def deposit_receive(*, provider: User, received: ReceivedDeposit) -> Transaction:
    """Posts the deposit, once for each of the provider's ids.

    Raises NOT_FOUND, CURRENCY_MISMATCH, IDEMPOTENCY_KEY_REUSED if the id was reported with different contents before,
    and what the ledger refuses.
    """
    wallet = Wallet.objects.filter(id=received.wallet_id, owner__isnull=False).first()
    if wallet is None:
        raise WalletError(ErrorCode.NOT_FOUND, "There is no such wallet.")
    if wallet.currency != received.currency:
        detail = f"The wallet holds {wallet.currency}, not {received.currency}."
        raise WalletError(ErrorCode.CURRENCY_MISMATCH, detail)
    return deposit_post(
        initiator=provider,
        wallet_id=wallet.id,
        amount=received.amount,
        memo=received.memo,
        key=f"deposit:{received.provider_id}",
    )
