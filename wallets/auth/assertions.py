"""Assertions of web processes to the wallet service: the id of the calling user, signed with the key that both share.

The web process has authenticated the user. An assertion is valid for a minute, so that one that leaks from the wire or
a log is soon useless.
"""

from datetime import timedelta

from django.conf import settings
from django.core import signing

#: The scheme of an assertion in the metadata `authorization`.
SCHEME = "Service"
AGE_MAX = timedelta(minutes=1)
_SALT = "wallets.auth.assertions"


def assertion_make(*, user_id: int) -> str:
    """Asserts that this user makes the call."""
    return _signer().sign(str(user_id))


def assertion_read(assertion: str) -> int | None:
    """The id of the calling user. None if the assertion was not signed with our key or is too old, or if no key is
    set."""
    # With an empty key, anybody could sign.
    if not settings.WALLET_SERVICE_KEY:
        return None
    try:
        return int(_signer().unsign(assertion, max_age=AGE_MAX))
    except signing.BadSignature:
        return None


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(key=settings.WALLET_SERVICE_KEY, salt=_SALT)
