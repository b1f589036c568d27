"""Middleware for pages: the page for "not now, but soon", and the reader's time zone."""

import functools
import math
from collections.abc import Callable
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from kit.db.errors import database_gave_up

#: Asked of a browser when nothing better is known.
RETRY_AFTER_S = 5
TIMEZONE_COOKIE = "timezone"


def unavailable(*, retry_after_s: int | None = None) -> HttpResponse:
    """The page for "not now, but soon". Rendered without a request: it must need nothing that may be down."""
    seconds = retry_after_s or RETRY_AFTER_S
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(math.ceil(seconds))})


class UnavailableMiddleware:
    """Answers 503 where a page met a database that is gone or stuck."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return unavailable() if database_gave_up(exception) and not request.path.startswith("/api/") else None


class TimeZoneMiddleware:
    """Shows times in the reader's zone, which static/js/app.js leaves in a cookie; in UTC until it has."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.COOKIES.get(TIMEZONE_COOKIE, "")
        # Known names only: ZoneInfo looks for others in the file system.
        with timezone.override(ZoneInfo(name) if name in _zones() else None):
            return self.get_response(request)


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
