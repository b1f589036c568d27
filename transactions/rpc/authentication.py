"""Who calls: `authorization` in the metadata, with the same tokens as over REST."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from knox.crypto import hash_token

from wallets.auth.access import token_find, user_find
from wallets.auth.assertions import assertion_read
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls. `token_digest` is what a long call asks again whether it still opens anything.

    `is_service`: one of the site's own processes calls on behalf of the user. Such a call was counted against the
    user's limits at the process's own door, and is not counted again.
    """

    user: User
    token_digest: str | None = None
    is_service: bool = False


#: Takes what follows the scheme; None if it opens nothing.
Authenticate = Callable[[str], Caller | None]


def caller_find(authorization: str) -> Caller:
    """Who sends this header. Raises NOT_AUTHENTICATED."""
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
    # Any text has a hash, and one that is unknown opens nothing: there is no form of a token to check first.
    digest = hash_token(credentials)
    token = token_find(digest=digest)
    return Caller(user=token.user, token_digest=digest) if token is not None else None


def _service(credentials: str) -> Caller | None:
    """A web process that keeps no books, in the name of whoever is signed in there."""
    user_id = assertion_read(credentials)
    if user_id is None:
        # Said apart from a user who is shut out: this is for whoever set the two up.
        message = "The assertion is older than a minute or was not signed with the service's WALLET_SERVICE_KEY."
        raise WalletError(ErrorCode.PERMISSION_DENIED, message)
    user = user_find(user_id=user_id)
    return Caller(user=user, is_service=True) if user is not None and user.is_active else None


#: By the first word of the header, in lower case.
SCHEMES: Mapping[str, Authenticate] = {"bearer": _bearer, "service": _service}
