"""What sign-in needs around every page: pages for its refusals, and the cookie of known browsers."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from kit.http.pages import unavailable
from kit.limits.forms import too_many_page
from wallets.auth.browsers import cookie_put
from wallets.auth.sessions.middleware import farewell_say
from wallets.domain.errors import ErrorCode, WalletError


class SignInMiddleware:
    """Answers 429 or 503 if an account page of allauth was refused: too many guesses, or too many hashes at once.

    The API and our own pages answer refusals themselves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        cookie_put(request, response)
        if not request.path_info.startswith("/api/"):
            farewell_say(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, WalletError) or request.path_info.startswith("/api/"):
            return None
        if exception.code == ErrorCode.RATE_LIMITED:
            return too_many_page(request, wait_s=exception.retry_after_s or 1)
        if exception.code == ErrorCode.UNAVAILABLE:
            return unavailable(retry_after_s=exception.retry_after_s)
        return None
