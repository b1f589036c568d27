"""Pages on which staff decide on pay-outs and on what colleagues proposed: they show the objects and ask for words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget
from django.db import OperationalError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from psycopg.errors import LockNotAvailable

from kit.admin.big_tables import ReadOnlyAdmin, number_parse
from transactions.funding.payouts import payout_confirm
from transactions.funding.proposals import payout_return_propose, proposal_approve, proposal_reject
from transactions.models import Payout, Proposal
from transactions.models.funding import REASON_LENGTH_MAX, REFERENCE_LENGTH_MAX
from wallets.domain.errors import WalletError
from wallets.models import User

#: How many objects staff can decide on at once.
OBJECTS_MAX = 100


class ReasonForm(forms.Form):
    """Why. Kept with the decision, for ever."""

    words = forms.CharField(
        label="Reason",
        max_length=REASON_LENGTH_MAX,
        widget=AdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
        help_text="Stored permanently with your name. Visible to staff only.",
    )


class NoteForm(ReasonForm):
    """As above, but it may be left empty."""

    words = forms.CharField(
        label="Note (optional)",
        max_length=REASON_LENGTH_MAX,
        required=False,
        widget=AdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
        help_text="Stored permanently with your name. Visible to staff only.",
    )


class ReferenceForm(forms.Form):
    """The bank's reference of a payment."""

    words = forms.CharField(
        label="Reference (optional)",
        max_length=REFERENCE_LENGTH_MAX,
        required=False,
        widget=AdminTextInputWidget(attrs={"autofocus": True, "autocomplete": "off"}),
        help_text="The bank's reference of the payment, by which it can be found on a statement.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What staff can do with an object.

    `name` is the verb on the button, `done` the past form in messages, `meaning` the explanation on the page,
    `applies_to` the objects that it applies to, as a filter. `carry_out` takes the object's key, the actor and the
    words, and returns False if there was nothing left to do.
    """

    name: str
    done: str
    meaning: str
    permission: str
    form: type[forms.Form]
    applies_to: Mapping[str, Any]
    carry_out: Callable[[int, User, str], object]


PROPOSAL_DECISIONS: Mapping[str, Decision] = {
    "approve": Decision(
        name="approve",
        done="approved",
        meaning="The money is in the wallet at once, and its owner can spend it.",
        permission="transactions.approve_money",
        form=NoteForm,
        applies_to={"decision": ""},
        carry_out=lambda key, actor, words: proposal_approve(proposal_id=key, actor=actor, reason=words),
    ),
    "reject": Decision(
        name="reject",
        done="rejected",
        meaning="No money moves. The colleague who proposed this sees your reason.",
        permission="transactions.approve_money",
        form=ReasonForm,
        applies_to={"decision": ""},
        carry_out=lambda key, actor, words: proposal_reject(proposal_id=key, actor=actor, reason=words),
    ),
}
PAYOUT_DECISIONS: Mapping[str, Decision] = {
    "confirm": Decision(
        name="confirm",
        done="confirmed",
        meaning="You confirm that the money has reached its owner outside.",
        permission="transactions.confirm_payout",
        form=ReferenceForm,
        applies_to={"status": Payout.Status.OPEN},
        carry_out=lambda key, actor, words: payout_confirm(withdrawal_id=key, reference=words),  # noqa: ARG005
    ),
    "return": Decision(
        name="return",
        done="proposed for return",
        meaning="You propose to put the money back into the wallet it came from. A colleague has to approve it.",
        permission="transactions.propose_money",
        form=ReasonForm,
        applies_to={"status__in": [Payout.Status.OPEN, Payout.Status.CONFIRMED]},
        carry_out=lambda key, actor, words: payout_return_propose(withdrawal_id=key, actor=actor, reason=words),
    ),
}


def decision_redirect(
    model_admin: ReadOnlyAdmin, request: HttpRequest, name: str, selected: QuerySet[Any]
) -> HttpResponse | None:
    """Redirects from the selection in the list to the page that asks for words. None if too many are selected."""
    ids = list(selected.order_by("pk").values_list("pk", flat=True)[: OBJECTS_MAX + 1])
    if len(ids) > OBJECTS_MAX:
        model_admin.message_user(request, f"Select at most {OBJECTS_MAX}.", messages.ERROR)
        return None
    url = reverse(f"admin:transactions_{model_admin.opts.model_name}_decide", args=[name])
    return HttpResponseRedirect(f"{url}?{urlencode({'ids': ','.join(map(str, ids))})}")


def decision_view(
    model_admin: ReadOnlyAdmin, request: HttpRequest, name: str, *, decisions: Mapping[str, Decision]
) -> HttpResponse:
    """Shows the objects and asks for words. A POST carries the decision out, for each object on its own."""
    decision = decisions.get(name)
    if decision is None or not request.user.has_perm(decision.permission):
        raise Http404
    objects = _objects(model_admin, request.GET.get("ids", ""))
    back_url = reverse(f"admin:transactions_{model_admin.opts.model_name}_changelist")
    form = decision.form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        for pk in objects.values_list("pk", flat=True):
            _decide(model_admin, request, decision, pk, form.cleaned_data["words"])
        return HttpResponseRedirect(back_url)
    affected = list(objects.filter(**decision.applies_to))
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": _title(decision, affected),
        "opts": model_admin.opts,
        "action": decision,
        "affected": affected,
        "left_out": list(objects.exclude(pk__in=[one.pk for one in affected])),
        "form": form,
        "back_url": back_url,
    }
    template = f"admin/transactions/{model_admin.opts.model_name}/decide.html"
    return TemplateResponse(request, template, context, status=422 if form.errors else 200)


def _objects(model_admin: ReadOnlyAdmin, ids: str) -> QuerySet[Any]:
    numbers = [number_parse(word) for word in ids.split(",")[:OBJECTS_MAX]]
    related = model_admin.list_select_related
    assert isinstance(related, tuple)  # noqa: S101 - both admins name what they show
    model: type[Payout | Proposal] = model_admin.model
    objects = model.objects.filter(pk__in=[n for n in numbers if n is not None]).select_related(*related).order_by("pk")
    if not objects.exists():
        raise Http404("These do not exist.")
    return objects


def _title(decision: Decision, affected: list[Any]) -> str:
    if not affected:
        return f"Nothing to {decision.name}"
    subject = affected[0] if len(affected) == 1 else f"{len(affected)} {affected[0]._meta.verbose_name_plural}"  # noqa: SLF001 - Django's documented model API
    return f"{decision.name.capitalize()} {subject}?"


def _decide(model_admin: ReadOnlyAdmin, request: HttpRequest, decision: Decision, pk: int, words: str) -> None:
    """Decides on one object, in its own database transaction, and adds a message about the result."""
    assert isinstance(request.user, User)  # noqa: S101 - the permission was checked
    say = partial(model_admin.message_user, request)
    subject = f"{model_admin.opts.verbose_name} {pk}"
    try:
        has_changed = decision.carry_out(pk, request.user, words)
    except WalletError as error:
        say(f"Not {decision.done}: {subject}. {error.detail}", messages.ERROR)
        return
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        say(f"Not {decision.done}: {subject}. It is in use; try again.", messages.ERROR)
        return
    if has_changed:
        say(f"{decision.done.capitalize()}: {subject}.", messages.SUCCESS)
    else:
        say(f"Unchanged: {subject}. Somebody else was faster.", messages.WARNING)
