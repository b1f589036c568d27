"""The page that lists where a user is signed in, and its buttons."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from wallets.auth.sessions.devices import session_end_one, sessions_end_others
from wallets.auth.sessions.engine import SEEN_EVERY
from wallets.auth.sessions.middleware import session_of
from wallets.domain.errors import ErrorCode, WalletError
from wallets.pages import PersonRequest, page
from wallets.sessions.lifetimes import session_lifetime
from wallets.sessions.services import browser_session_list

#: A page does not grow without end. "Log out all other devices" ends also those that it does not show.
SHOWN_MAX = 50
#: A session that is in use is noted this often, so this is how recent "now" can be.
_NOW = 2 * SEEN_EVERY
_ID_DIGITS_MAX = 18


@require_safe
@page
def sessions_page(request: PersonRequest) -> HttpResponse:
    """Where the user is signed in: this browser first, then those used last."""
    current, sessions = session_of(request).key_hash, browser_session_list(owner=request.user)
    found = list(sessions[: SHOWN_MAX + 1])
    here = [session for session in found if session.key_hash == current]
    here = here or list(sessions.filter(key_hash=current))
    others = [session for session in found[:SHOWN_MAX] if session.key_hash != current]
    lifetime = session_lifetime(is_staff=request.user.is_staff)
    context = {
        "here": here, "others": others, "has_more": len(found) > SHOWN_MAX, "now_since": timezone.now() - _NOW,
        "idle": lifetime.idle_words, "absolute": lifetime.absolute_words,
    }  # fmt: skip
    return render(request, "wallets/sessions.html", context)


@require_POST
@page
def session_end_page(request: PersonRequest) -> HttpResponse:
    """Logs another device out. A device that is logged out already is as the user wants it."""
    posted = request.POST.get("session", "")
    session_id = int(posted) if posted.isascii() and posted.isdecimal() and len(posted) <= _ID_DIGITS_MAX else 0
    try:
        ended = session_end_one(user=request.user, session_id=session_id)
    except WalletError as error:
        if error.code != ErrorCode.NOT_FOUND:
            raise
        messages.info(request, error.detail)
    else:
        messages.success(request, f"Logged out: {ended.browser}.")
    return redirect("session_list")


@require_POST
@page
def sessions_end_others_page(request: PersonRequest) -> HttpResponse:
    """Logs all other devices out. API tokens stay; the page links to them."""
    count = sessions_end_others(user=request.user, current=session_of(request).key_hash)
    if count:
        messages.success(request, "All other devices are logged out.")
    else:
        messages.info(request, "There was no other device to log out.")
    return redirect("session_list")
