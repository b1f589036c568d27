"""Sending money in three steps: a form, a review, and the receipt.

Between the first two steps the input is kept in the session, so that no name and no note appears in a URL. The review
page contains a signed copy of what it shows, and confirming submits that copy. So neither another tab nor a renamed
recipient can change what the user confirms. If that needs step-up authentication, the user comes back to the same
review. One button posts the transfer at once, the other accepts it to settle
later. Both use the same idempotency key, so the money moves once even if the user presses both, or one repeatedly.
"""

from dataclasses import asdict, dataclass
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from kit.limits.forms import form_wait_s, too_many
from transactions.forms import SendForm
from transactions.gateway.local import gateway
from transactions.previews import Preview
from transactions.recipients import TransferRequest
from transactions.services import Receipt
from transactions.spender import Spender
from transactions.views.choice import wallet_of, wallets_of
from transactions.views.move import UNPROCESSABLE, redirect_to_receipt
from transactions.views.rows import owner_name
from wallets.auth.step_up import StepUpRequired, step_up_redirect
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.money import amount_plain
from wallets.domain.names import name_canonical
from wallets.models import User
from wallets.pages import PersonRequest, page

DRAFT_SESSION_KEY = "send_draft"
DRAFT_SALT = "transactions.send.draft"
DRAFT_AGE_MAX_S = 30 * 60
#: The value of the button that sends in the background.
IN_BACKGROUND = "background"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A transfer that is entered but not confirmed. The destination is a wallet, because the owner of a username may
    change."""

    user: int
    source: int
    destination: int
    recipient: str
    amount: int
    currency: str
    memo: str
    idempotency_key: str

    def request(self) -> TransferRequest:
        return TransferRequest(
            source_id=self.source,
            destination_id=self.destination,
            amount=self.amount,
            memo=self.memo,
            idempotency_key=self.idempotency_key,
        )

    def sign(self) -> str:
        return signing.dumps(asdict(self), salt=DRAFT_SALT, compress=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """The recipient on the review page: what they want to be called, and the name that the sender entered.

    A display name may imitate somebody else's, so the page shows both. It shows the username only to a sender who
    entered it.
    """

    name: str
    entered: str

    @classmethod
    def of(cls, preview: Preview, draft: Draft) -> "Recipient":
        entered = name_canonical(draft.recipient)
        return cls(name=preview.recipient_name, entered=entered if "@" in entered else owner_name(preview.destination))


@require_http_methods(["GET", "HEAD", "POST"])
@page
def money_send(request: PersonRequest) -> HttpResponse:
    if request.method != "POST":
        return _form_page(request, SendForm(wallets=wallets_of(request.user), initial=_initial(request)))
    form = SendForm(request.POST, wallets=wallets_of(request.user))
    wait_s = form_wait_s(request)
    if wait_s is not None:
        form.refuse_for(wait_s=wait_s)
        return too_many(_form_page(request, form), wait_s=wait_s)
    preview = _previewed(request.user, form) if form.is_valid() else None
    if preview is None:
        return _form_page(request, form, status=UNPROCESSABLE)
    draft = Draft(
        user=request.user.pk,
        source=preview.source.id,
        destination=preview.destination.id,
        recipient=form.cleaned_data["recipient"],
        amount=preview.amount,
        currency=preview.source.currency,
        memo=preview.memo,
        idempotency_key=form.cleaned_data["idempotency_key"],
    )
    request.session[DRAFT_SESSION_KEY] = draft.sign()
    return redirect("money_send_review")


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("draft")
@page
def money_send_review(request: PersonRequest) -> HttpResponse:
    signed = request.POST.get("draft") if request.method == "POST" else request.session.get(DRAFT_SESSION_KEY)
    draft = _draft(request.user, signed)
    if draft is None:
        if request.method == "POST":
            messages.warning(
                request, "Your transfer expired before you confirmed it, and nothing was sent. Enter it again."
            )
        return redirect("money_send")
    wait_s = form_wait_s(request) if request.method == "POST" else None
    try:
        if request.method == "POST" and wait_s is None:
            receipt = _confirm(request, draft, in_background=request.POST.get("how") == IN_BACKGROUND)
            request.session.pop(DRAFT_SESSION_KEY, None)
            return redirect_to_receipt(receipt)
        preview = gateway().transfer_preview(actor=request.user, request=draft.request())
    except StepUpRequired as error:
        # This draft, and not that of another tab, is what the user comes back to.
        request.session[DRAFT_SESSION_KEY] = draft.sign()
        return step_up_redirect(request, why=error.why, back=reverse("money_send_review"))
    except WalletError as error:
        return _refused(request, draft, error)
    context = {"preview": preview, "recipient": Recipient.of(preview, draft), "draft": draft.sign()}
    review = render(request, "transactions/send_review.html", {**context, "wait_s": wait_s})
    return review if wait_s is None else too_many(review, wait_s=wait_s)


def _confirm(request: PersonRequest, draft: Draft, *, in_background: bool) -> Receipt:
    user = request.user
    spender = Spender(actor=user, session=request)
    try:
        send = spender.transfer_submit if in_background else spender.transfer_create
        return send(request=draft.request())
    except WalletError as error:
        # The user may have pressed the other button before, and that transfer may be pending or failed. Show its
        # receipt, because the refusal would lead back to a form whose idempotency key is used up.
        earlier = gateway().transaction_list_by_key(user=user, idempotency_key=draft.idempotency_key)
        if not earlier or error.code == ErrorCode.IDEMPOTENCY_KEY_REUSED:
            raise
        return Receipt(transaction=earlier[0], replayed=True)


def _form_page(request: PersonRequest, form: SendForm, *, status: int = 200) -> HttpResponse:
    return render(request, "transactions/send.html", {"form": form}, status=status)


def _previewed(user: User, form: SendForm) -> Preview | None:
    """The preview of the transfer; if it is refused, shows the refusal in the form and returns None."""
    given = form.cleaned_data
    try:
        wanted = TransferRequest(
            source_id=given["wallet"], recipient=given["recipient"], amount=given["amount"], memo=given["memo"]
        )
        return gateway().transfer_preview(actor=user, request=wanted)
    except WalletError as error:
        form.refuse(error)
        return None


def _refused(request: PersonRequest, draft: Draft, error: WalletError) -> HttpResponse:
    """The form again, with the user's input and the refusal."""
    data = {**_entered(draft), "idempotency_key": draft.idempotency_key}
    form = SendForm(data, wallets=wallets_of(request.user))
    if form.is_valid():
        form.refuse(error)
    return _form_page(request, form, status=UNPROCESSABLE)


def _draft(user: User, signed: Any) -> Draft | None:
    """This user's signed draft; None if it is invalid, expired or another user's."""
    try:
        draft = Draft(**signing.loads(str(signed), salt=DRAFT_SALT, max_age=DRAFT_AGE_MAX_S))
    except (signing.BadSignature, TypeError):
        return None
    return draft if draft.user == user.pk else None


def _initial(request: PersonRequest) -> dict[str, str]:
    """The initial values of the form: the unconfirmed draft for ?change, an earlier transfer for ?again=, otherwise
    ?to= and ?wallet=."""
    if "change" in request.GET:
        draft = _draft(request.user, request.session.get(DRAFT_SESSION_KEY))
        if draft is not None:
            return _entered(draft)
    if "again" in request.GET:
        return _asked_before(request.user, request.GET["again"])
    wallet = wallet_of(request, wallets_of(request.user))
    return {"recipient": request.GET.get("to", ""), "wallet": str(wallet.id) if wallet else ""}


def _asked_before(user: User, number: str) -> dict[str, str]:
    """The values of a transaction that this user sent, to send it again. Taken by id, so that the memo does not appear
    in a URL."""
    if not number.isdecimal() or len(number) > 19:
        return {}
    transaction = gateway().transaction_read(user=user, transaction_id=int(number))
    source = transaction.source
    if source is None or source.owner_id != user.pk:
        return {}
    return {
        "recipient": owner_name(transaction.destination),
        "wallet": str(source.id),
        "amount": amount_plain(transaction.amount, currency=transaction.currency),
        "memo": transaction.memo,
    }


def _entered(draft: Draft) -> dict[str, str]:
    return {
        "recipient": draft.recipient,
        "wallet": str(draft.source),
        "amount": amount_plain(draft.amount, currency=draft.currency),
        "memo": draft.memo,
    }
