"""Moves browser sessions to a new SECRET_KEY."""

from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.core.exceptions import MiddlewareNotUsed
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from wallets.auth.access import user_find


class KeyRotationMiddleware:
    """While there are SECRET_KEY_FALLBACKS, gives each session of an earlier key the hash of the current one.

    Django does that too, but it gives the session another id as well. Of several requests that a page sends together,
    the first would then sign out the others. It must run before anything asks for `request.user`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.SECRET_KEY_FALLBACKS:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The view meets the same error, and its answer says that the site is unavailable.
        with suppress(DatabaseError, InterfaceError):
            _session_move(request)
        return self.get_response(request)


def _session_move(request: HttpRequest) -> None:
    session = request.session
    if SESSION_KEY not in session:
        return
    user, stored = user_find(user_id=int(session[SESSION_KEY])), session.get(HASH_SESSION_KEY, "")
    if user is None or constant_time_compare(stored, user.get_session_auth_hash()):
        return
    if any(constant_time_compare(stored, earlier) for earlier in user.get_session_auth_fallback_hash()):
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
