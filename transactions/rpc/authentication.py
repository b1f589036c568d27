"""Authentication of calls: `authorization` in the metadata, with the same tokens as over REST."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from knox.crypto import hash_token

from wallets.auth.access import token_find, user_find
from wallets.auth.assertions import assertion_read
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The authenticated caller.

    `token_digest` identifies the token, so that WatchWallet can check repeatedly that it is still valid. `is_service`:
    a web process calls on the user's behalf. That process has already taken the cost from the user's limits.
    """

    user: User
    token_digest: str | None = None
    is_service: bool = False


#: From the credentials after the scheme to the caller; None if the credentials are invalid.
Authenticate = Callable[[str], Caller | None]


def caller_find(authorization: str) -> Caller:
    """The caller who sent this header. Raises NOT_AUTHENTICATED; for an invalid assertion, PERMISSION_DENIED."""
    words = authorization.split()
    authenticate = SCHEMES.get(words[0].lower()) if words else None
    if authenticate is None:
        raise WalletError(ErrorCode.NOT_AUTHENTICATED, "Authentication credentials were not provided.")
    if len(words) != 2:
        raise WalletError(ErrorCode.NOT_AUTHENTICATED, "Send the metadata in the form: authorization: Bearer <token>.")
    caller = authenticate(words[1])
    if caller is None:
        raise WalletError(ErrorCode.NOT_AUTHENTICATED, "This token is invalid, expired or revoked.")
    return caller


def _bearer(credentials: str) -> Caller | None:
    # Any text has a digest, and an unknown digest finds no token, so there is no format to check first.
    digest = hash_token(credentials)
    token = token_find(digest=digest)
    return Caller(user=token.user, token_digest=digest) if token is not None else None


def _service(credentials: str) -> Caller | None:
    """A web process without books, on behalf of the user who is signed in there."""
    user_id = assertion_read(credentials)
    if user_id is None:
        # Not NOT_AUTHENTICATED: the site is misconfigured, and the user's credentials are not at fault.
        message = "The assertion is older than a minute or was not signed with the service's WALLET_SERVICE_KEY."
        raise WalletError(ErrorCode.PERMISSION_DENIED, message)
    user = user_find(user_id=user_id)
    return Caller(user=user, is_service=True) if user is not None and user.is_active else None


#: By the scheme, which is the first word of the header, in lower case.
SCHEMES: Mapping[str, Authenticate] = {"bearer": _bearer, "service": _service}
