"""Gives each request its browser's session, and notes when somebody uses it."""

from functools import partial
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.sessions import middleware
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse

from kit.redis.circuit_breaker import CircuitBreaker
from wallets.auth.origins import origin_of
from wallets.auth.sessions.engine import SessionStore

_SERVER_ERROR = 500
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
#: While Postgres is away, pages are still read from the cache. They must not wait for this.
_breaker = CircuitBreaker("Postgres, for when sessions were last used", rest_s=10.0)


class SessionMiddleware(middleware.SessionMiddleware):
    """Django's, for our own sessions."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        session = session_of(request)
        session.origin = partial(origin_of, request)
        session.is_fresh = request.method not in _SAFE_METHODS

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session = session_of(request)
        if session.is_renewal_due and response.status_code < _SERVER_ERROR:
            # Only now: an answer that is an error stores no session and would not tell the browser its new key.
            session.cycle_key()
        answered = super().process_response(request, response)
        if session.is_unknown and session.session_key is None:
            # Race: another tab's request has got a new key meanwhile. The browser has one cookie for both, and this
            # answer must not delete it.
            answered.cookies.pop(settings.SESSION_COOKIE_NAME, None)
        _touch(session)
        return answered


def session_of(request: HttpRequest) -> SessionStore:
    """The session of a request, as ours."""
    return cast("SessionStore", request.session)


def poll_made(request: HttpRequest) -> None:
    """Says that an open page makes this request by itself. It shows what it always shows, but does not keep the session
    alive, because nobody need be there."""
    session_of(request).is_activity = False


def farewell_say(request: HttpRequest) -> None:
    """Lets the next page tell the user whose session has expired why."""
    session = getattr(request, "session", None)
    if session is not None and session.farewell:
        messages.info(request, session.farewell)
        session.farewell = ""


def _touch(session: SessionStore) -> None:
    if not _breaker.may_try():
        return
    try:
        session.touch()
    except (DatabaseError, InterfaceError) as error:
        _breaker.failed(error)
    else:
        _breaker.succeeded()
