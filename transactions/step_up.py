"""Which payments need step-up authentication in a browser: for a thief they would be worth most.

That is every withdrawal, and a transfer above the amount that the owner of the source wallet has chosen, or to somebody
whom the user has never paid.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from transactions.recipients import TransferRequest, TransferSides, transfers_resolve
from transactions.selectors import payment_exists
from wallets.domain.errors import ErrorCode
from wallets.models import User, Wallet
from wallets.spending import step_up_amount


class StepUpReason(StrEnum):
    """Why a payment needs step-up authentication."""

    WITHDRAWAL = "withdrawal"
    AMOUNT = "amount"
    FIRST_PAYMENT = "first_payment"


#: For the user, as a part of a sentence: "Confirm that it is you: …".
WHY = {
    StepUpReason.WITHDRAWAL: "you are about to move money out of your wallet",
    StepUpReason.AMOUNT: "this is more than the amount above which you want to be asked",
    StepUpReason.FIRST_PAYMENT: "you have never paid this person before",
}


def step_up_reason(*, actor: User, requests: Sequence[TransferRequest]) -> StepUpReason | None:
    """Why these transfers need step-up authentication; None if they do not, or if posting will refuse them anyway: they
    are malformed.

    A list counts as one payment from each of its wallets, so nobody avoids this by splitting a payment within one
    request. It is read without a lock: two first payments to the same person at the same moment are both first ones.
    """
    resolved = transfers_resolve(actor=actor, requests=requests)
    totals: Counter[int] = Counter()
    payee_ids: set[int] = set()
    for request, sides in zip(requests, resolved, strict=True):
        if isinstance(sides, TransferSides):
            totals[sides.source.id] += request.amount
            payee_ids.add(sides.destination.owner_id or 0)
        # Race: a thief opens the missing wallet before the transfer is posted, which would find it. Whoever has none
        # was never paid.
        elif sides.code != ErrorCode.MALFORMED:
            return StepUpReason.FIRST_PAYMENT
    above = Wallet.objects.filter(id__in=totals.keys()).values_list("id", "step_up_above", "currency")
    if any(totals[id_] > step_up_amount(above=chosen, currency=currency) for id_, chosen, currency in above):
        return StepUpReason.AMOUNT
    if not all(payment_exists(payer_id=actor.pk, payee_id=payee_id) for payee_id in payee_ids - {actor.pk}):
        return StepUpReason.FIRST_PAYMENT
    return None
