"""Assertions of web processes to the wallet service: who makes this one call.

The web process has authenticated the user. Its assertion names the user, the method, the bytes of the request, the
time and, if it has ceilings, the token, and holds a nonce, all under a MAC with the key that both sides share. Whoever
intercepts an assertion can use it for that very call only and for seconds only. For a write it is worthless, because
the service accepts a nonce once (`wallets.auth.wallet_service.nonces`).
"""

import hashlib
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from wallets.domain.errors import RETRY_AFTER_S, ErrorCode, WalletError

#: The scheme of an assertion in the metadata `authorization`.
SCHEME = "Service"
#: The service accepts an assertion that was made up to this long before or after it arrived, by the service's clock. It
#: covers the way, and clocks that differ a little.
TOLERANCE = timedelta(seconds=10)
#: The user id in the assertion of a web process that calls for no user. No user has it.
NOBODY = 0
_TOLERANCE_MS = TOLERANCE // timedelta(milliseconds=1)
_SALT = "wallets.auth.assertions"
#: User id, milliseconds of Unix time, nonce, the digest of a token with ceilings if there is one, MAC.
_FORM = re.compile(
    r"(0|[1-9][0-9]{0,18})\.([0-9]{1,15})\.([0-9a-f]{32})(?:\.([0-9a-f]{128}))?\.([0-9a-f]{64})", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What the service knows once it has verified an assertion. `ceilings_of`: the call counts against the ceilings of
    this token."""

    user_id: int
    nonce: UUID
    ceilings_of: str | None = None


class ClockSkewError(WalletError):
    """A genuine assertion from another time: the clocks of the two machines differ, or the call was held up.

    `skew_ms` is the web process's time less the service's. A user learns only that the service is unavailable.
    """

    def __init__(self, skew_ms: int) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, retry_after_s=RETRY_AFTER_S)
        self.skew_ms = skew_ms


def assertion_make(*, user_id: int, method: str, body: bytes, ceilings_of: str | None = None) -> str:
    """Asserts that this user makes one call of the method, such as `wallet.v1.WalletService/Deposit`, now; with the
    token of this digest, if it has ceilings."""
    claims = f"{user_id}.{time.time_ns() // 1_000_000}.{uuid4().hex}"
    if ceilings_of is not None:
        claims += f".{ceilings_of}"
    return f"{claims}.{_mac(settings.WALLET_SERVICE_KEY, _signed(claims, method, body))}"


def assertion_read(assertion: str, *, method: str, body: bytes, arrived_ms: int) -> Assertion:
    """Verifies the assertion of a call that arrived at this time. Raises ClockSkewError, or PERMISSION_DENIED if it was
    not made for this call with a key of ours."""
    found = _FORM.fullmatch(assertion)
    if found is None:
        raise WalletError(ErrorCode.PERMISSION_DENIED, "The assertion is malformed.")
    user_id, issued_ms, nonce, ceilings_of, mac = found.groups()
    signed = _signed(assertion.rpartition(".")[0], method, body)
    if not any(constant_time_compare(_mac(key, signed), mac) for key in _keys()):
        message = "The assertion was made for another call, or not with the service's WALLET_SERVICE_KEY."
        raise WalletError(ErrorCode.PERMISSION_DENIED, message)
    skew_ms = int(issued_ms) - arrived_ms
    # After the MAC, so that strangers learn nothing about our clock.
    if abs(skew_ms) > _TOLERANCE_MS:
        raise ClockSkewError(skew_ms)
    return Assertion(user_id=int(user_id), nonce=UUID(nonce), ceilings_of=ceilings_of)


def _keys() -> list[str]:
    """The keys whose assertions this process accepts. Without an empty one, with which anybody could sign."""
    return [key for key in (settings.WALLET_SERVICE_KEY, *settings.WALLET_SERVICE_KEY_FALLBACKS) if key]


def _signed(claims: str, method: str, body: bytes) -> str:
    # No part contains a line break, so two calls never have the same text.
    return f"{claims}\n{method}\n{hashlib.sha256(body).hexdigest()}"


def _mac(key: str, signed: str) -> str:
    return salted_hmac(_SALT, signed, secret=key, algorithm="sha256").hexdigest()
