"""The only way by which pages and REST move money out of a wallet: whoever uses a browser is stepped up first.

A test refuses any other call of the gateway's questions that pay. Bearer tokens are not stepped up: a program has no
password to ask for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from transactions.gateway.local import gateway
from transactions.recipients import TransferRequest
from transactions.services import Receipt
from transactions.step_up import WHY, StepUpReason
from wallets.auth.step_up import StepUpRequired, is_fresh
from wallets.domain.errors import WalletError
from wallets.domain.mandates import OWNER, Mandate
from wallets.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender:
    """A user who pays. `session` is the request of a browser; None for a bearer token, whose mandate bounds it.

    Each method is the service of the same name. In a browser it raises STEP_UP_REQUIRED as well, before anything else
    happens, also for a replay.
    """

    actor: User
    session: HttpRequest | None
    mandate: Mandate = OWNER

    def withdrawal_create(
        self, *, wallet_id: int, amount: int, memo: str = "", idempotency_key: str | None = None
    ) -> Receipt:
        if self._must_step_up():
            raise StepUpRequired(WHY[StepUpReason.WITHDRAWAL])
        return gateway().withdrawal_create(
            actor=self.actor,
            wallet_id=wallet_id,
            amount=amount,
            memo=memo,
            idempotency_key=idempotency_key,
            mandate=self.mandate,
        )

    def transfer_create(self, *, request: TransferRequest) -> Receipt:
        self._step_up([request])
        return gateway().transfer_create(actor=self.actor, request=request, mandate=self.mandate)

    def transfer_submit(self, *, request: TransferRequest) -> Receipt:
        self._step_up([request])
        return gateway().transfer_submit(actor=self.actor, request=request, mandate=self.mandate)

    def transfers_submit(self, *, requests: Sequence[TransferRequest]) -> list[Receipt | WalletError]:
        """If one transfer needs step-up authentication, the whole list is refused."""
        self._step_up(requests)
        return gateway().transfers_submit(actor=self.actor, requests=requests, mandate=self.mandate)

    def _must_step_up(self) -> bool:
        return self.session is not None and not is_fresh(self.session)

    def _step_up(self, requests: Sequence[TransferRequest]) -> None:
        if not self._must_step_up():
            return
        reason = gateway().step_up_reason(actor=self.actor, requests=requests)
        if reason is not None:
            raise StepUpRequired(WHY[reason])
