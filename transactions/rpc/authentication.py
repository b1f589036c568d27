"""Authentication of calls: `authorization` in the metadata, with the same tokens as over REST, or with an assertion."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import structlog
from knox.crypto import hash_token

from transactions.rpc.arrivals import Arrival
from wallets.auth.access import token_find, user_find
from wallets.auth.token_uses import token_used
from wallets.auth.wallet_service.assertions import SCHEME, Assertion, ClockSkewError, assertion_read
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.mandates import OWNER, Mandate
from wallets.models import User

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The authenticated caller, and what it may do on the user's behalf.

    `token_digest` identifies the token, so that WatchWallet can check repeatedly that it is still valid. `nonce` is set
    if a web process calls on the user's behalf.
    """

    user: User
    mandate: Mandate
    token_digest: str | None = None
    nonce: UUID | None = None

    @property
    def is_service(self) -> bool:
        return self.nonce is not None


#: From the call and the credentials after the scheme to the caller; None if the credentials are invalid.
Authenticate = Callable[[Arrival, str], Caller | None]


def caller_find(arrival: Arrival) -> Caller:
    """The caller. Raises NOT_AUTHENTICATED; for an assertion that is not valid for this call, PERMISSION_DENIED or
    ClockSkewError."""
    words = arrival.authorization.split()
    authenticate = SCHEMES.get(words[0].lower()) if words else None
    if authenticate is None:
        raise WalletError(ErrorCode.NOT_AUTHENTICATED, "Authentication credentials were not provided.")
    if len(words) != 2:
        raise WalletError(ErrorCode.NOT_AUTHENTICATED, "Send the metadata in the form: authorization: Bearer <token>.")
    caller = authenticate(arrival, words[1])
    if caller is None:
        raise WalletError(ErrorCode.NOT_AUTHENTICATED, "This token is invalid, expired or revoked.")
    return caller


def is_asserted(arrival: Arrival) -> bool:
    """Whether the call claims to come from a web process."""
    return arrival.authorization.lower().split()[:1] == [SCHEME.lower()]


def process_check(arrival: Arrival) -> None:
    """Checks that the call comes from a web process, whoever its user is. Raises what `caller_find` raises."""
    words = arrival.authorization.split()
    if not is_asserted(arrival) or len(words) != 2:
        raise WalletError(ErrorCode.PERMISSION_DENIED, "Only the site's own processes may call this method.")
    _assertion_read(arrival, words[1])


def _bearer(arrival: Arrival, credentials: str) -> Caller | None:
    # Any text has a digest, and an unknown digest finds no token, so there is no format to check first.
    digest = hash_token(credentials)
    token = token_find(digest=digest)
    if token is None:
        return None
    token_used(digest=digest, address=arrival.network)
    return Caller(user=token.user, mandate=token.mandate, token_digest=digest)


def _service(arrival: Arrival, credentials: str) -> Caller | None:
    """A web process without books, on behalf of the user who is signed in there."""
    assertion = _assertion_read(arrival, credentials)
    user = user_find(user_id=assertion.user_id)
    if user is None or not user.is_active:
        return None
    # The web process has checked the scopes of the token, if there is one. Its ceilings are counted here.
    mandate = replace(OWNER, ceilings_of=assertion.ceilings_of)
    return Caller(user=user, mandate=mandate, nonce=assertion.nonce)


def _assertion_read(arrival: Arrival, credentials: str) -> Assertion:
    try:
        return assertion_read(credentials, method=arrival.method, body=arrival.body, arrived_ms=arrival.at_ms)
    except ClockSkewError as error:
        log.warning("assertion_from_another_time", method=arrival.method, ahead_s=error.skew_ms / 1_000)
        raise


#: By the scheme, which is the first word of the header, in lower case.
SCHEMES: Mapping[str, Authenticate] = {"bearer": _bearer, SCHEME.lower(): _service}
