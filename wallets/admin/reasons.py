"""Reasons: staff say why they act on somebody's account, and the account's security log keeps it."""

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.widgets import AdminTextInputWidget
from django.http import HttpRequest

from kit.admin.big_tables import BigTableAdmin

REASON_LENGTH_MAX = 500


def reason_field() -> forms.CharField:
    """A line for the reason."""
    return forms.CharField(
        max_length=REASON_LENGTH_MAX,
        widget=AdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="Stored permanently with your name. The owner of the account can read it.",
    )


class ReasonActionForm(ActionForm):
    """The bar above a list: an action, and the reason for it."""

    # `reason_given` checks it, with a message that says what is wrong; Django's own would be about the action.
    reason = forms.CharField(required=False, widget=AdminTextInputWidget(attrs={"autocomplete": "off"}))


def reason_given(model_admin: BigTableAdmin, request: HttpRequest) -> str:
    """The reason in the bar above the list. Empty, with a message to the user, if there is none or it is too long."""
    reason = request.POST.get("reason", "").replace("\0", "").strip()
    if reason and len(reason) <= REASON_LENGTH_MAX:
        return reason
    model_admin.message_user(request, f"Give a reason of at most {REASON_LENGTH_MAX} characters.", messages.ERROR)
    return ""
