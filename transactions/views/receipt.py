"""The receipt of a transaction. While a transfer is pending, its page updates itself.

The page of a pending transfer polls with growing delays, and only while it is visible. Each poll is answered with the
delay of the next one or, once the transfer has settled, with the receipt. Without JavaScript the page does not poll; a
link reloads it.
"""

import datetime
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import reswap, retarget

from transactions.funding.mode import Funding, funding_is
from transactions.funding.payouts import PayoutView
from transactions.gateway.local import gateway
from transactions.models import Kind, Status, Transaction
from transactions.views.rows import BY_EMAIL, owner_name, side_of
from wallets.auth.sessions.middleware import poll_made
from wallets.domain.errors import ErrorCode
from wallets.pages import PersonRequest, page

#: (kind, side) → the headline of a posted transaction's receipt.
HEADLINES = {
    (Kind.DEPOSIT, 1): "Money added",
    (Kind.WITHDRAWAL, -1): "Money withdrawn",
    (Kind.TRANSFER, -1): "Money sent",
    (Kind.TRANSFER, 1): "Money received",
}
#: The only table from failure codes to sentences: why a transfer failed, for its sender.
FAILURES: Mapping[str, str] = {
    ErrorCode.SPENDING_LIMIT_EXCEEDED: "This would have exceeded your spending limit when the transfer was due.",
    ErrorCode.INSUFFICIENT_FUNDS: "Your wallet did not hold enough money when the transfer was due.",
    ErrorCode.RECIPIENT_CANNOT_RECEIVE: "The recipient could not receive this transfer.",
    # Only in transfers that failed before there was the code above.
    ErrorCode.BALANCE_LIMIT_EXCEEDED: "The recipient could not receive this transfer.",
    ErrorCode.WALLET_FROZEN: "One of the two wallets was frozen before the transfer completed.",
    ErrorCode.WALLET_CLOSED: "One of the two wallets was closed before the transfer completed.",
    ErrorCode.IDEMPOTENCY_KEY_REUSED: "This transfer is a duplicate of one that you submitted before.",
    ErrorCode.SETTLEMENT_FAILED: "The transfer could not be completed, and our staff cancelled it.",
}
#: What the recipient reads in every case, because the reason may be the state of the sender's wallet.
FAILURE_TO_RECEIVER = "The transfer could not be completed."
#: The delay before each poll: five minutes in total.
LOOK_DELAYS_S = [1] * 10 + [2] * 20 + [5] * 14 + [10] * 18
#: When a transfer has been pending for this long, its page says that it takes longer than usual.
SLOW_AFTER = datetime.timedelta(minutes=1)


@require_safe
@vary_on_headers("HX-Request")
@page
def transaction_page(request: PersonRequest, transaction_id: int) -> HttpResponse:
    transaction = gateway().transaction_read(user=request.user, transaction_id=transaction_id)
    context = {**_receipt_context(request, transaction), **_follow_context(request, transaction)}
    if not _is_look(request):
        return render(request, "transactions/transaction.html", context)
    poll_made(request)
    if transaction.status == Status.PENDING:
        return render(request, "transactions/_follow.html", context)
    settled = render(request, "transactions/_settled.html", context)
    return reswap(retarget(settled, "#receipt"), "outerHTML")


def _receipt_context(request: PersonRequest, transaction: Transaction) -> dict[str, Any]:
    side = side_of(transaction, user_id=request.user.pk)
    receiver = BY_EMAIL if transaction.is_recipient_hidden else owner_name(transaction.destination)
    return {
        "transaction": transaction,
        "side": side,
        "amount": side * transaction.amount,
        "headline": _headline(transaction, side),
        "sender": owner_name(transaction.source),
        "receiver": receiver,
        "other": owner_name(transaction.source) if side > 0 else receiver,
        "own_wallet": transaction.destination if side > 0 else transaction.source,
        "failure": _failure(transaction, side),
        "payout": _payout(request, transaction),
        "done": request.GET.get("done", ""),
    }


def _payout(request: PersonRequest, transaction: Transaction) -> PayoutView | None:
    """What became of a withdrawal. Demo money goes nowhere."""
    if transaction.kind != Kind.WITHDRAWAL or funding_is(Funding.DEMO):
        return None
    return gateway().payout_read(user=request.user, withdrawal_id=transaction.pk)


def _follow_context(request: PersonRequest, transaction: Transaction) -> dict[str, Any]:
    """The delay and the query of the next poll. `delay_s` is None after the last one: the page stops polling."""
    look = _look(request) if _is_look(request) else 0
    kept = {name: request.GET[name] for name in ("done",) if name in request.GET}
    return {
        "delay_s": LOOK_DELAYS_S[look] if look < len(LOOK_DELAYS_S) else None,
        "next_look": urlencode({**kept, "look": look + 1}),
        "reload": urlencode(kept),
        "is_slow": timezone.now() - transaction.created_at > SLOW_AFTER,
    }


def _is_look(request: PersonRequest) -> bool:
    htmx = request.htmx  # type: ignore[attr-defined]  # set by django-htmx
    return bool(htmx) and not htmx.history_restore_request


def _look(request: PersonRequest) -> int:
    """The number of this poll. An invalid number counts as the last one, so the page stops polling."""
    text = request.GET.get("look", "")
    return int(text) if text.isdecimal() and len(text) < 4 else len(LOOK_DELAYS_S)


def _headline(transaction: Transaction, side: int) -> str:
    if transaction.status == Status.PENDING:
        return "Transfer pending"
    if transaction.status == Status.FAILED:
        return "Transfer failed"
    return HEADLINES[Kind(transaction.kind), side]


def _failure(transaction: Transaction, side: int) -> str:
    """A sentence that says why the transfer failed; empty if it did not fail."""
    if not transaction.failure_code:
        return ""
    if side > 0:
        return FAILURE_TO_RECEIVER
    return FAILURES.get(transaction.failure_code) or "The transfer could not be completed."
