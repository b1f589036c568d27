"""Authenticates API requests: by a bearer token, or by a browser's session together with its CSRF token."""

from knox.crypto import hash_token
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from kit.limits.addresses import client_address
from wallets.auth.access import Bearer, token_find, token_owner_guess
from wallets.auth.token_uses import token_use_is_due, token_used
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`.

    It replaces knox's own class, which fails on bytes that are not UTF-8 and reads all tokens of a user each time.
    """

    def authenticate(self, request: Request) -> tuple[User, Bearer] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Send the header in the form: Authorization: Bearer <token>.")
        # Any bytes can be hashed, and an unknown hash is refused. So the form of the token need not be checked first.
        digest = hash_token(words[1].decode("latin-1"))
        _prefetch(request, digest)
        bearer = token_find(digest=digest)
        if bearer is None:
            raise AuthenticationFailed("This token is invalid, expired or revoked.")
        if token_use_is_due(digest=digest):
            token_used(digest=digest, address=client_address(request._request))  # noqa: SLF001 - Django's own request
        return bearer.user, bearer


def _prefetch(request: Request, digest: str) -> None:
    """Lets an ApiView plan what it will read. (This module cannot import it: DRF's own views import what the settings
    name.)"""
    prefetch = getattr(request.parser_context.get("view"), "prefetch", None)
    if prefetch:
        prefetch(request, token_owner_guess(digest=digest))


class BrowserAuthentication(SessionAuthentication):
    """A session cookie with a CSRF token. Browsers send the cookie with requests of any site, hence the CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            detail = "A browser session requires the header X-CSRFToken. Programs should send a bearer token instead."
            raise WalletError(ErrorCode.CSRF_FAILED, detail) from error
