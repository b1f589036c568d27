"""Handlers for errors outside views, such as an unknown host or a failed middleware: problem documents under /api/."""

import sys

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt

from kit.db.errors import database_gave_up
from kit.http.pages import unavailable
from wallets.api.problems import error_of, error_response
from wallets.domain.errors import ErrorCode, WalletError

API_PREFIX = "/api/"


@csrf_exempt
def api_not_found(request: HttpRequest) -> HttpResponseBase:  # noqa: ARG001 - a view takes a request
    """The view for every unknown URL under /api/."""
    return error_response(WalletError(ErrorCode.NOT_FOUND, "The API has no such URL."))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler400."""
    if request.path_info.startswith(API_PREFIX):
        return error_response(error_of(exception))
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's handler500, called while the exception is being handled. A middleware failed, or a view did so in a way
    that `UnavailableMiddleware` does not see."""
    cause = sys.exc_info()[1]
    if request.path_info.startswith(API_PREFIX):
        return error_response(error_of(cause or RuntimeError("The cause is unknown.")))
    if database_gave_up(cause):
        return unavailable()
    return defaults.server_error(request)
