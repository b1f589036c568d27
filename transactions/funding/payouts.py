"""Pay-outs: confirming that the money of a withdrawal arrived, or returning it to its wallet."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from telemetry import metrics
from transactions.funding.deposits import deposit_post
from transactions.models import Payout, Transaction
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import ID_MAX
from wallets.models import User

#: What the owner of the wallet reads beside the returned money.
RETURN_MEMO = "Returned withdrawal"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutView:
    """A pay-out as the owner of the withdrawal sees it. The deposit `returned_by_id` brought the money back."""

    status: str
    returned_by_id: int | None


def payout_read(*, user: User, withdrawal_id: int) -> PayoutView | None:
    """What became of a withdrawal of this user. None for any other transaction, and for withdrawals without a pay-out,
    which are older than pay-outs."""
    if withdrawal_id > ID_MAX:
        return None
    found = Payout.objects.filter(withdrawal=withdrawal_id, withdrawal__source__owner=user)
    row = found.values_list("status", "returned_by").first()
    return PayoutView(status=row[0], returned_by_id=row[1]) if row is not None else None


def payout_list_open() -> QuerySet[Payout]:
    """The pay-outs that wait for a confirmation, oldest first."""
    return Payout.objects.filter(status=Payout.Status.OPEN).order_by("withdrawal")


def payout_confirm(*, withdrawal_id: int, reference: str = "") -> bool:
    """Records that the money of a withdrawal has arrived. Returns False if that was on record already.

    Raises NOT_FOUND, and PAYOUT_RETURNED if the money went back to the wallet.
    """
    with transaction.atomic():
        payout = payout_lock(withdrawal_id=withdrawal_id)
        if payout.status == Payout.Status.RETURNED:
            raise WalletError(ErrorCode.PAYOUT_RETURNED)
        if payout.status == Payout.Status.CONFIRMED:
            return False
        payout.status, payout.reference, payout.confirmed_at = Payout.Status.CONFIRMED, reference, timezone.now()
        payout.save(update_fields=["status", "reference", "confirmed_at"])
        _counted("confirmed")
    return True


def payout_return(*, withdrawal_id: int, initiator: User, reason: str) -> Transaction:
    """Returns the money of a withdrawal to its wallet, once, and returns the deposit that did it.

    The caller is the payment provider, or staff after a second person's approval. Raises NOT_FOUND, and what the ledger
    refuses: a frozen wallet takes no money, so the pay-out then stays as it is, and the call can be repeated.
    """
    with transaction.atomic():
        payout = payout_lock(withdrawal_id=withdrawal_id)
        if payout.returned_by is not None:
            return payout.returned_by
        taken = payout.withdrawal
        assert taken.source_id is not None  # noqa: S101 - a withdrawal comes from a wallet
        deposit = deposit_post(
            initiator=initiator,
            wallet_id=taken.source_id,
            amount=taken.amount,
            memo=RETURN_MEMO,
            key=f"payout-return:{withdrawal_id}",
        )
        payout.status, payout.returned_by, payout.reason = Payout.Status.RETURNED, deposit, reason
        payout.save(update_fields=["status", "returned_by", "reason"])
        _counted("returned")
    return deposit


def payout_lock(*, withdrawal_id: int) -> Payout:
    """The pay-out of a withdrawal, locked for this database transaction. Raises NOT_FOUND.

    Race: the provider and staff decide on it at the same time, or a webhook is delivered twice at once. The second
    waits here, and then sees what the first decided.
    """
    payouts = Payout.objects.select_related("withdrawal__source").select_for_update(of=("self",))
    payout = payouts.filter(withdrawal=withdrawal_id).first()
    if payout is None:
        raise WalletError(ErrorCode.NOT_FOUND, "There is no such pay-out.")
    return payout


def _counted(outcome: str) -> None:
    transaction.on_commit(metrics.payouts.labels(outcome=outcome).inc, robust=True)
