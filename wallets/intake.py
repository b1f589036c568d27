"""The first look at a request: what is ambiguous, too large, an upload, or a program's request in plain text is refused
before anything reads it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from kit.http.once import header_repeated
from wallets.api.handlers import API_PREFIX
from wallets.api.problems import STATUS, error_response
from wallets.domain.errors import ErrorCode, WalletError

_PLAIN_TEXT = "Use https. A token or password in this request has crossed the network in plain text: replace it."


class IntakeMiddleware:
    """Answers 400, 403, 413 or 415. After it, a body is at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes, and no file."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        error = intake_error(request)
        return self.get_response(request) if error is None else _refusal(request, error)


def intake_error(request: HttpRequest) -> WalletError | None:
    """Why the request is refused; None if it is not."""
    if settings.SECURE_SSL_REDIRECT and not request.is_secure() and request.path_info.startswith(API_PREFIX):
        return WalletError(ErrorCode.PERMISSION_DENIED, _PLAIN_TEXT)
    name = header_repeated(request)
    if name is not None:
        message = "Send this header only once."
        return WalletError(ErrorCode.MALFORMED, f"{name}: {message}", fields={name: [message]})
    length = request.META.get("CONTENT_LENGTH")
    # Gunicorn has checked that it is a number; without one, there is no body that Django would read.
    if length and length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        message = f"The body must not exceed {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes."
        return WalletError(ErrorCode.PAYLOAD_TOO_LARGE, message)
    if request.content_type is not None and request.content_type.startswith("multipart/"):
        return WalletError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, "This site accepts no uploads: no multipart body.")
    return None


def _refusal(request: HttpRequest, error: WalletError) -> HttpResponse:
    if request.path_info.startswith(API_PREFIX):
        response: HttpResponse = error_response(error)
    else:
        status = STATUS[error.code]
        response = render(request, "400.html", {"status": status}, status=status)
    # CommonMiddleware, which does this for others, comes later.
    response["Content-Length"] = str(len(response.content))
    return response
