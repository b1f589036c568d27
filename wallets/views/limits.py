"""The pages about spending limits."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from kit.limits.forms import form_wait_s, too_many
from wallets.auth.limits import limits_change, limits_rise, step_up_change
from wallets.auth.step_up import is_fresh, step_up_redirect
from wallets.domain.text import wait_words
from wallets.forms.limits import LimitsForm
from wallets.gateway import wallet_gateway
from wallets.pages import PersonRequest, page
from wallets.spending import LimitsView

UNPROCESSABLE = 422
#: The key in the session of limits that wait for step-up authentication, and the mark in the URL of their form.
_DRAFT, _RESUMED = "limits_draft", "continue"


@require_safe
@page
def limits_page(request: PersonRequest) -> HttpResponse:
    """The limits of every wallet, and what was spent today."""
    limits = wallet_gateway().limits_list(owner=request.user)
    return render(request, "wallets/limits.html", {"limits": limits})


@require_http_methods(["GET", "HEAD", "POST"])
@page
def wallet_limits_page(request: PersonRequest, wallet_id: int) -> HttpResponse:
    """Changes the limits of one wallet. Whoever raises one must have proven lately who they are."""
    limits = _limits_of(request, wallet_id)
    if request.method != "POST":
        draft = request.session.get(_DRAFT) if _RESUMED in request.GET else None
        return _form_page(request, LimitsForm(limits=limits, draft=draft), is_resumed=draft is not None)
    if "cancel" in request.POST:
        return _raise_cancel(request, limits)
    form = LimitsForm(request.POST, limits=limits)
    wait_s = form_wait_s(request)
    if wait_s is not None:
        form.full_clean()
        form.add_error(None, f"Too many attempts. Wait {wait_words(wait_s)}, then submit the form again.")
        return too_many(_form_page(request, form), wait_s=wait_s)
    if not form.is_valid():
        return _form_page(request, form, status=UNPROCESSABLE)
    if _rises(form) and not is_fresh(request):
        request.session[_DRAFT] = {name: request.POST.get(name, "") for name in form.fields}
        back = f"{reverse('wallet_limits', args=[wallet_id])}?{_RESUMED}"
        return step_up_redirect(request, why="Confirm that it is you: you are about to raise your limits.", back=back)
    request.session.pop(_DRAFT, None)
    _save(request, form)
    return redirect("limits")


def _form_page(
    request: PersonRequest, form: LimitsForm, *, status: int = 200, is_resumed: bool = False
) -> HttpResponse:
    context = {"form": form, "limits": form.limits, "is_resumed": is_resumed}
    return render(request, "wallets/wallet_limits.html", context, status=status)


def _raise_cancel(request: PersonRequest, limits: LimitsView) -> HttpResponse:
    now = limits_change(
        user=request.user, wallet_id=limits.wallet_id, per_payment=limits.per_payment, per_day=limits.per_day
    )
    messages.success(request, f"The limits of your {now.currency} wallet stay as they are.")
    return redirect("limits")


def _rises(form: LimitsForm) -> bool:
    given, limits = form.cleaned_data, form.limits
    rises = limits_rise(limits, per_payment=given["per_payment"], per_day=given["per_day"])
    return rises or given["step_up_above"] > limits.step_up_above


def _save(request: PersonRequest, form: LimitsForm) -> None:
    given, limits = form.cleaned_data, form.limits
    if given["step_up_above"] != limits.step_up_above:
        limits = step_up_change(user=request.user, wallet_id=limits.wallet_id, above=given["step_up_above"])
    if {"per_payment", "per_day"} & set(form.changed_data):
        limits = limits_change(
            user=request.user,
            wallet_id=limits.wallet_id,
            per_payment=given["per_payment"],
            per_day=given["per_day"],
        )
    if limits.next_at is None:
        messages.success(request, f"The limits of your {limits.currency} wallet were saved.")
    else:
        messages.success(request, f"Saved. Higher limits of your {limits.currency} wallet count in 24 hours.")


def _limits_of(request: PersonRequest, wallet_id: int) -> LimitsView:
    for limits in wallet_gateway().limits_list(owner=request.user):
        if limits.wallet_id == wallet_id:
            return limits
    raise Http404("You have no such wallet.")
