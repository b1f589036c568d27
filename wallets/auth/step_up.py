"""Step-up authentication: whoever uses a browser must have proven lately who they are, for what could cost them most.

The second factor counts if the account has one, otherwise the password. Signing in counts as well.
"""

import time
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from wallets.domain.errors import ErrorCode, WalletError

#: allauth's names of what a user has entered.
_PASSWORD, _FACTOR = "password", "mfa"


class StepUpRequired(WalletError):  # noqa: N818 - a refusal
    """STEP_UP_REQUIRED, with the reason as the rest of a sentence. The detail says what a script in the browser can do;
    a page shows `why` and leads there."""

    def __init__(self, reason: str) -> None:
        self.why = f"Confirm that it is you: {reason}."
        path = reverse("account_reauthenticate")
        super().__init__(ErrorCode.STEP_UP_REQUIRED, f"{self.why} In this browser, open {path}, then try again.")


def is_fresh(request: HttpRequest) -> bool:
    """Whether the user of this session has entered the second factor, or else the password, within
    STEP_UP_FRESH_S."""
    if not request.user.is_authenticated:
        return False
    wanted = _FACTOR if is_mfa_enabled(request.user) else _PASSWORD
    since = time.time() - settings.STEP_UP_FRESH_S
    records = get_authentication_records(request, request.user)
    return any(record["method"] == wanted and record["at"] > since for record in records)


def step_up_redirect(request: HttpRequest, *, why: str, back: str) -> HttpResponse:
    """Leads the user to the page that asks for the second factor or password, says why, and leads back to the path
    `back`. Nothing about a payment belongs into that path: the session keeps what was entered."""
    messages.info(request, why)
    return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}")
