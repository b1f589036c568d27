"""Transfer requests as entry points make them, and their answers as words."""

from collections.abc import Sequence

from transactions.recipients import TransferRequest
from transactions.services import Receipt
from wallets.domain.errors import WalletError
from wallets.models import Wallet


def to_bob(source: Wallet, amount: int = 10, *, key: str | None = None, memo: str = "") -> TransferRequest:
    return TransferRequest(source_id=source.id, recipient="bob", amount=amount, memo=memo, idempotency_key=key)


def codes(answers: Sequence[Receipt | WalletError]) -> list[str]:
    """Each answer as one word: the error's code, "replayed" or "accepted"."""
    return [
        answer.code if isinstance(answer, WalletError) else "replayed" if answer.replayed else "accepted"
        for answer in answers
    ]
