"""The kit that every page is made with: who may see it, what a refusal becomes, and the time zone of the reader."""

import functools
import math
from collections.abc import Callable
from typing import Concatenate, ParamSpec, cast
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.cache import never_cache

from kit.db.errors import database_gave_up
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User

P = ParamSpec("P")
PageView = Callable[Concatenate[HttpRequest, P], HttpResponse]

#: Asked of a browser that meets a part that is down, where nothing better is known.
RETRY_AFTER_S = 5
TIMEZONE_COOKIE = "timezone"


class PersonRequest(HttpRequest):
    """A request behind `page`: somebody is signed in."""

    user: User


def page(view: Callable[Concatenate[PersonRequest, P], HttpResponse]) -> PageView[P]:
    """A page for people who are signed in. Never stored by a browser, so that "back" after logging out shows nothing.

    A form reached by "back" is asked for anew for the same reason, and comes with a fresh idempotency key.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)  # type: ignore[arg-type]  # login_required has seen to it
        except WalletError as error:
            if error.retryable:
                return unavailable(retry_after_s=error.retry_after_s)
            raise _as_page(error) from error

    return cast("PageView[P]", login_required(never_cache(wrapped)))


def unavailable(*, retry_after_s: int | None = None) -> HttpResponse:
    """The page for "not now, but soon". Rendered without a request: it must need nothing that may be down."""
    seconds = retry_after_s or RETRY_AFTER_S
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(math.ceil(seconds))})


def _as_page(error: WalletError) -> Exception:
    """What Django makes the right error page of."""
    if error.code == ErrorCode.NOT_FOUND:
        return Http404(error.detail)
    if error.code == ErrorCode.PERMISSION_DENIED:
        return PermissionDenied(error.detail)
    return BadRequest(error.detail)


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
