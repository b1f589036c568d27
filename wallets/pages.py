"""The decorator of all pages for signed-in users: it requires a sign-in and turns refusals into error pages."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from kit.http.pages import unavailable
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User

P = ParamSpec("P")
PageView = Callable[Concatenate[HttpRequest, P], HttpResponse]


class PersonRequest(HttpRequest):
    """A request to a view behind `page`: the user is signed in."""

    user: User


def page(view: Callable[Concatenate[PersonRequest, P], HttpResponse]) -> PageView[P]:
    """A page for signed-in users. The browser never stores it, so that "back" shows nothing after logging out.

    For the same reason "back" reloads a form, which then has a new idempotency key.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)  # type: ignore[arg-type]  # login_required has checked it
        except WalletError as error:
            if error.retryable:
                return unavailable(retry_after_s=error.retry_after_s)
            raise _as_page(error) from error

    return cast("PageView[P]", login_required(never_cache(wrapped)))


def _as_page(error: WalletError) -> Exception:
    """The exception for which Django renders the right error page."""
    if error.code == ErrorCode.NOT_FOUND:
        return Http404(error.detail)
    if error.code == ErrorCode.PERMISSION_DENIED:
        return PermissionDenied(error.detail)
    return BadRequest(error.detail)
