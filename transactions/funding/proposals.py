"""Proposals: one member of staff proposes to put money into a wallet, another approves or rejects it.

Neither may own the wallet. The database enforces both rules as well.
"""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from kit.db.errors import constraint_violated
from transactions.funding.deposits import deposit_post
from transactions.funding.mode import Funding, funding_require
from transactions.funding.payouts import payout_lock, payout_return
from transactions.models import Payout, Proposal, Transaction
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.money import AMOUNT_MAX, AMOUNT_MIN
from wallets.models import User, Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositProposal:
    """Money to be put into a wallet. `amount` is in minor units; the owner sees `memo`, only staff see `reason`."""

    wallet_id: int
    amount: int
    memo: str = ""
    reason: str


def deposit_propose(*, actor: User, proposal: DepositProposal) -> Proposal:
    """Proposes a deposit. No money moves until somebody else approves it.

    Raises FUNDING_CLOSED unless staff enter deposits here, NOT_FOUND, PERMISSION_DENIED for the actor's own wallet, and
    MALFORMED.
    """
    funding_require(Funding.STAFF)
    if not AMOUNT_MIN <= proposal.amount <= AMOUNT_MAX:
        raise _malformed("amount", f"An amount is a whole number from {AMOUNT_MIN} to {AMOUNT_MAX}.")
    reason = _reason(proposal.reason)
    wallet = Wallet.objects.filter(id=proposal.wallet_id, owner__isnull=False).first()
    if wallet is None:
        raise WalletError(ErrorCode.NOT_FOUND, "There is no such wallet.")
    _refuse_own(actor, wallet)
    return Proposal.objects.create(
        kind=Proposal.Kind.DEPOSIT,
        wallet=wallet,
        amount=proposal.amount,
        memo=proposal.memo,
        reason=reason,
        proposed_by=actor,
    )


def payout_return_propose(*, actor: User, withdrawal_id: int, reason: str) -> Proposal | None:
    """Proposes to return the money of a withdrawal that did not arrive. Returns None if such a proposal waits already.

    Raises NOT_FOUND, PAYOUT_RETURNED, PERMISSION_DENIED for the actor's own wallet, and MALFORMED without a reason.
    """
    reason = _reason(reason)
    try:
        with transaction.atomic():
            payout = payout_lock(withdrawal_id=withdrawal_id)
            if payout.status == Payout.Status.RETURNED:
                raise WalletError(ErrorCode.PAYOUT_RETURNED)
            wallet = payout.withdrawal.source
            assert wallet is not None  # noqa: S101 - a withdrawal comes from a wallet
            _refuse_own(actor, wallet)
            return Proposal.objects.create(
                kind=Proposal.Kind.PAYOUT_RETURN,
                wallet=wallet,
                amount=payout.withdrawal.amount,
                reason=reason,
                payout=payout,
                proposed_by=actor,
            )
    except IntegrityError as error:
        if constraint_violated(error) != "proposal_one_waiting_return":
            raise
        return None


def proposal_approve(*, proposal_id: int, actor: User, reason: str = "") -> bool:
    """Approves a proposal and moves its money, in one commit. Returns False if it was decided already.

    Raises NOT_FOUND, PERMISSION_DENIED if the actor proposed it or owns the wallet, and what the ledger refuses; then
    the proposal goes on waiting.
    """
    with transaction.atomic():
        proposal = _proposal_lock(proposal_id, actor)
        if proposal.decision:
            return False
        _decide(proposal, Proposal.Decision.APPROVED, actor, reason, _carry_out(proposal, actor))
    return True


def proposal_reject(*, proposal_id: int, actor: User, reason: str) -> bool:
    """Rejects a proposal; no money moves. Returns False if it was decided already.

    Raises NOT_FOUND, PERMISSION_DENIED as above, and MALFORMED without a reason.
    """
    reason = _reason(reason)
    with transaction.atomic():
        proposal = _proposal_lock(proposal_id, actor)
        if proposal.decision:
            return False
        _decide(proposal, Proposal.Decision.REJECTED, actor, reason, None)
    return True


def _carry_out(proposal: Proposal, actor: User) -> Transaction:
    if proposal.payout is not None:
        # The provider may have returned it while the proposal waited.
        if payout_lock(withdrawal_id=proposal.payout.pk).status == Payout.Status.RETURNED:
            raise WalletError(ErrorCode.PAYOUT_RETURNED)
        return payout_return(withdrawal_id=proposal.payout.pk, initiator=actor, reason=proposal.reason)
    return deposit_post(
        initiator=actor,
        wallet_id=proposal.wallet_id,
        amount=proposal.amount,
        memo=proposal.memo,
        key=f"proposal:{proposal.pk}",
    )


def _decide(proposal: Proposal, decision: str, actor: User, reason: str, carried_out_by: Transaction | None) -> None:
    proposal.decision, proposal.decided_by, proposal.decided_at = decision, actor, timezone.now()
    proposal.decision_reason, proposal.transaction = reason.strip(), carried_out_by
    proposal.save(update_fields=["decision", "decided_by", "decided_at", "decision_reason", "transaction"])


def _proposal_lock(proposal_id: int, actor: User) -> Proposal:
    """Race: two members of staff decide at the same time. The second waits here, and then finds it decided."""
    proposals = Proposal.objects.select_related("wallet", "payout").select_for_update(of=("self",))
    proposal = proposals.filter(pk=proposal_id).first()
    if proposal is None:
        raise WalletError(ErrorCode.NOT_FOUND, "There is no such proposal.")
    if proposal.proposed_by_id == actor.pk:
        raise WalletError(ErrorCode.PERMISSION_DENIED, "You proposed this yourself. Somebody else has to decide on it.")
    _refuse_own(actor, proposal.wallet)
    return proposal


def _refuse_own(actor: User, wallet: Wallet) -> None:
    if wallet.owner_id == actor.pk:
        raise WalletError(ErrorCode.PERMISSION_DENIED, "This is your own wallet. Ask a colleague.")


def _reason(reason: str) -> str:
    if not reason.strip():
        raise _malformed("reason", "Give a reason.")
    return reason.strip()


def _malformed(field: str, message: str) -> WalletError:
    return WalletError(ErrorCode.MALFORMED, message, fields={field: [message]})
