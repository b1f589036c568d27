"""Middleware for pages: caching, the 503 page, the Content-Security-Policy, and the time zone of the reader."""

import functools
import math
from collections.abc import Callable
from importlib import resources
from zoneinfo import ZoneInfo

from csp.constants import HEADER
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from kit.db.errors import database_gave_up

#: Sent as Retry-After if nothing better is known.
RETRY_AFTER_S = 5


def unavailable(*, retry_after_s: int | None = None) -> HttpResponse:
    """The 503 page. It is rendered without a request, because it must need nothing that may be down."""
    seconds = retry_after_s or RETRY_AFTER_S
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(math.ceil(seconds))})


class NoStoreMiddleware:
    """Keeps pages out of every cache, the browser's included, so that "back" shows nothing after logging out.

    It covers each response to somebody with a session, except those that say themselves how they may be cached and
    those with an ETag.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        cookie = settings.SESSION_COOKIE_NAME
        is_personal = cookie in request.COOKIES or cookie in response.cookies
        if is_personal and "Cache-Control" not in response.headers and "ETag" not in response.headers:
            response["Cache-Control"] = "private, no-store"
        return response


class UnavailableMiddleware:
    """Answers 503 if a page failed because the database is gone or stuck. The API has its own handler."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return unavailable() if database_gave_up(exception) and not request.path_info.startswith("/api/") else None


class ContentSecurityPolicyMiddleware:
    """Sends the Content-Security-Policy of the settings with each response that has none.

    The policy is the same for all of them: no page needs inline code, so none needs a nonce. django-csp's own
    middleware puts the text together anew for each response, which was a tenth of the time of a cached read.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._policy = build_policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, self._policy)
        return response


class TimeZoneMiddleware:
    """Shows times in the reader's zone, from the cookie that static/js/app.js sets; in UTC if there is no cookie."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.COOKIES.get(settings.TIMEZONE_COOKIE_NAME, "")
        # Known names only: for any other name ZoneInfo searches the file system. Browsers also send names that are no
        # longer in use, such as Asia/Calcutta.
        with timezone.override(ZoneInfo(name) if name in _zones() else None):
            return self.get_response(request)


@functools.cache
def _zones() -> frozenset[str]:
    # From the package, because some systems have no zones, or no old names (Debian keeps those in tzdata-legacy).
    # ZoneInfo looks there for what the system does not have.
    return frozenset(resources.files("tzdata").joinpath("zones").read_text().split())
