"""The browsers in which a user has signed in before, by a long-lived signed cookie.

A known browser has guessing budgets of its own, so that guesses from elsewhere do not lock the owner out, and a sign-in
from an unknown one is told to the owner by mail. The cookie authenticates nobody: without the password it opens
nothing. It names the accounts by id, and is worthless for an account from the moment its password changes.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, get_random_string

from wallets.models import User

AGE_MAX = timedelta(days=365)
#: Accounts of one browser that are remembered, the latest first.
_ACCOUNTS_MAX = 5
_ID_LENGTH = 16
_SALT = "wallets.auth.browsers"
_ATTRIBUTE = "_browser_accounts"


@dataclass(frozen=True, slots=True)
class _Known:
    """An account that has signed in in this browser: its id, the browser's name in its budgets, and a mark of the
    password with which it signed in."""

    user_id: int
    browser_id: str
    mark: str


def browser_known(request: HttpRequest | None, user: User) -> str | None:
    """What names this browser in the user's budgets. None if the user never signed in here with the current
    password."""
    for known in _accounts(request) if request is not None else []:
        if known.user_id == user.pk and constant_time_compare(known.mark, _mark(user)):
            return known.browser_id
    return None


def browser_remember(request: HttpRequest, user: User) -> None:
    """Makes this a known browser of the user. The answer to the request sets the cookie (`cookie_put`)."""
    accounts = _accounts(request)
    # The same name as before, so that signing in again does not start a new budget.
    browser_id = next((known.browser_id for known in accounts if known.user_id == user.pk), None)
    latest = _Known(user.pk, browser_id or get_random_string(_ID_LENGTH), _mark(user))
    others = [known for known in accounts if known.user_id != user.pk]
    setattr(request, _ATTRIBUTE, [latest, *others][:_ACCOUNTS_MAX])


def cookie_put(request: HttpRequest, response: HttpResponse) -> None:
    """Sets the cookie if this request made the browser known to a user."""
    accounts: list[_Known] | None = getattr(request, _ATTRIBUTE, None)
    if accounts is None:
        return
    value = signing.dumps([[known.user_id, known.browser_id, known.mark] for known in accounts], salt=_SALT)
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        value,
        max_age=AGE_MAX,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _accounts(request: HttpRequest) -> list[_Known]:
    made: list[_Known] | None = getattr(request, _ATTRIBUTE, None)
    if made is not None:
        return made
    try:
        listed: Any = signing.loads(
            request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, ""), salt=_SALT, max_age=AGE_MAX
        )
    except signing.BadSignature:
        return []
    return [_Known(*fields) for fields in listed]


def _mark(user: User) -> str:
    """Changes with the password. The salted hash in Postgres cannot be guessed from it."""
    return hashlib.blake2b(user.password.encode(), digest_size=12, person=b"known browser").hexdigest()
