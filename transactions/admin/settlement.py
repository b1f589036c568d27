"""Pages that try out, replay and fail dead letters. They show the transfers, ask for a note, and call the services."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db import OperationalError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from psycopg.errors import LockNotAvailable

from kit.admin.big_tables import ReadOnlyAdmin, number_parse
from transactions.admin.links import transaction_link
from transactions.models import DeadLetter, Transaction
from transactions.settlement.dead_letters import dead_letter_dry_run, dead_letter_fail, dead_letter_replay
from wallets.domain.errors import WalletError
from wallets.models import User

#: How many transfers staff can replay or fail at once.
TRANSFERS_MAX = 100


@dataclass(frozen=True, slots=True)
class Decision:
    """What staff can do with a dead letter.

    `name` is the verb, `past` its past form, `meaning` the explanation on the confirmation page.
    """

    name: str
    past: str
    service: Callable[..., bool]
    meaning: str
    needs_note: bool


DECISIONS: Mapping[str, Decision] = {
    decision.name: decision
    for decision in (
        Decision(
            "replay",
            "replayed",
            dead_letter_replay,
            "The transfer takes its old place in the queue again. It can still fail, or become a dead letter again.",
            needs_note=False,
        ),
        Decision(
            "fail",
            "failed",
            dead_letter_fail,
            "The transfer fails, and this is final. No money moves, and the sender sees the failure.",
            needs_note=True,
        ),
    )
}


class NoteForm(forms.Form):
    """The reason for a decision, which is kept in the audit trail."""

    note = forms.CharField(
        max_length=500,
        widget=AdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
        help_text="Stored permanently with your name. Visible to staff, but not to the sender or the recipient.",
    )

    def __init__(self, data: Any, *, required: bool) -> None:
        super().__init__(data)
        self.fields["note"].required = required
        self.fields["note"].label = "Note" if required else "Note (optional)"


def confirm_redirect(
    model_admin: ReadOnlyAdmin, request: HttpRequest, name: str, selected: QuerySet[DeadLetter]
) -> HttpResponse | None:
    """Redirects from the selection in the list to the confirmation page. None if the selection is too long or empty."""
    ids = list(selected.order_by("id").values_list("transaction_id", flat=True)[: TRANSFERS_MAX + 1])
    if len(ids) > TRANSFERS_MAX:
        model_admin.message_user(request, f"Select at most {TRANSFERS_MAX} transfers.", messages.ERROR)
        return None
    if not ids:
        model_admin.message_user(request, "The selected transfers are no longer dead letters.", messages.WARNING)
        return None
    url = reverse("admin:transactions_deadletter_settle", args=[name])
    return HttpResponseRedirect(f"{url}?{urlencode({'ids': ','.join(map(str, ids))})}")


def confirm_view(model_admin: ReadOnlyAdmin, request: HttpRequest, name: str) -> HttpResponse:
    """Shows the transfers and asks for the note. A POST carries the decision out."""
    decision = DECISIONS.get(name)
    if decision is None:
        raise Http404
    transfers = _transfers(request.GET.get("ids", ""))
    form = NoteForm(request.POST if request.method == "POST" else None, required=decision.needs_note)
    if request.method == "POST" and form.is_valid():
        for transfer in transfers:
            _decide(model_admin, request, transfer.pk, decision, form.cleaned_data["note"])
        return HttpResponseRedirect(reverse("admin:transactions_deadletter_changelist"))
    # In order of acceptance, which is the order in which they settle.
    dead = list(_dead(transfers).order_by("id"))
    dead_ids = {letter.transaction_id for letter in dead}
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": _title(decision, dead),
        "opts": DeadLetter._meta,  # noqa: SLF001 - Django's documented model API
        "action": decision,
        "affected": dead,
        "left_out": [transfer for transfer in transfers if transfer.pk not in dead_ids],
        "form": form,
        "back_url": reverse("admin:transactions_deadletter_changelist"),
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/transactions/deadletter/settle.html", context, status=status)


def dry_run_view(model_admin: ReadOnlyAdmin, request: HttpRequest, transaction_id: str) -> HttpResponse:
    """Shows what a replay would do now. Changes nothing."""
    transfer = _transfers(transaction_id)[0]
    letter = _dead([transfer]).first()
    forecast = _forecast(transfer.pk)
    if letter is None or forecast is None:
        message = format_html("Transfer {} is no longer a dead letter.", transaction_link(transfer.pk))
        model_admin.message_user(request, message, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:transactions_deadletter_changelist"))
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": f"Dry run of transfer {transfer.pk}",
        "opts": DeadLetter._meta,  # noqa: SLF001 - Django's documented model API
        "letter": letter,
        "forecast": forecast,
        "decisions": DECISIONS,
    }
    return TemplateResponse(request, "admin/transactions/deadletter/dry_run.html", context)


def _forecast(transaction_id: int) -> str | None:
    """What a replay would do, in one sentence; None if the transfer is not a dead letter."""
    try:
        return dead_letter_dry_run(transaction_id=transaction_id)
    except WalletError:
        return None
    except OperationalError as error:
        return f"The dry run is not possible now. {_why_not(error)}"


def _title(decision: Decision, dead: Sequence[DeadLetter]) -> str:
    if not dead:
        return f"Nothing to {decision.name}"
    return f"{decision.name.capitalize()} {dead[0] if len(dead) == 1 else f'{len(dead)} transfers'}?"


def _transfers(ids: str) -> list[Transaction]:
    numbers = [number_parse(word) for word in ids.split(",")[:TRANSFERS_MAX]]
    found = list(Transaction.objects.filter(id__in=[n for n in numbers if n is not None]).order_by("id"))
    if not found:
        raise Http404("These transfers do not exist.")
    return found


def _dead(transfers: Sequence[Transaction]) -> QuerySet[DeadLetter]:
    dead = DeadLetter.objects.filter(transaction__in=transfers, dead_at__isnull=False)
    return dead.select_related("transaction__source__owner", "transaction__destination__owner")


def _decide(
    model_admin: ReadOnlyAdmin, request: HttpRequest, transaction_id: int, decision: Decision, note: str
) -> None:
    """Decides on one transfer, in its own database transaction, and adds a message about the result."""
    assert isinstance(request.user, User)  # noqa: S101 - the permission was checked
    link = transaction_link(transaction_id)
    try:
        decided = decision.service(transaction_id=transaction_id, actor=request.user, note=note)
    except (WalletError, OperationalError) as error:
        message = format_html("Not {}: transfer {}. {}", decision.past, link, _why_not(error))
        model_admin.message_user(request, message, messages.ERROR)
        return
    if decided:
        message = format_html("{}: transfer {}.", decision.past.capitalize(), link)
        model_admin.message_user(request, message, messages.SUCCESS)
        return
    message = format_html("Unchanged: transfer {}. It is no longer a dead letter.", link)
    model_admin.message_user(request, message, messages.WARNING)


def _why_not(error: WalletError | OperationalError) -> str:
    """The reason, for staff. Raises the error again if it is a database error that is not about a lock."""
    if isinstance(error, WalletError):
        return error.detail
    if isinstance(error.__cause__, LockNotAvailable):
        return "It is in use; try again."
    raise error
