"""Who sends this request: a bearer token, or a browser's session together with its CSRF token."""

from knox.crypto import hash_token
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from kit.cache.ahead import Ahead
from wallets.auth.access import Bearer, token_find, token_owner_guess
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`.

    Not knox's own class: that one fails on bytes that are not UTF-8, and looks at all of a user's tokens each time.
    """

    def authenticate(self, request: Request) -> tuple[User, Bearer] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Send the header in the form: Authorization: Bearer <token>.")
        # Any bytes have a hash, and one that is unknown opens nothing: there is no form of a token to check first.
        digest = hash_token(words[1].decode("latin-1"))
        bearer = token_find(digest=digest, ahead=_ahead(request, digest))
        if bearer is None:
            raise AuthenticationFailed("This token is invalid, expired or revoked.")
        return bearer.user, bearer


def _ahead(request: Request, digest: str) -> Ahead | None:
    """What an ApiView needs to know as soon as it knows who asks. (This module cannot import it: DRF's own views import
    what is named in the settings.)"""
    ahead_for = getattr(request.parser_context.get("view"), "ahead_for", None)
    return ahead_for(request, token_owner_guess(digest=digest)) if ahead_for else None


class BrowserAuthentication(SessionAuthentication):
    """A session cookie, which a browser sends for any page that asks, and so the CSRF token beside it."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            detail = "A browser session requires the header X-CSRFToken. Programs should send a bearer token instead."
            raise WalletError(ErrorCode.CSRF_FAILED, detail) from error
