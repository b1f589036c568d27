"""On whose behalf a web process calls the wallet service: a user's id, signed with the key that the two share.

The web process has seen who is signed in. What it says about that is believed for a minute, so that what somebody reads
off the wire or out of a log opens nothing for long.
"""

from datetime import timedelta

from django.conf import settings
from django.core import signing

#: What stands before an assertion in the metadata `authorization`.
SCHEME = "Service"
AGE_MAX = timedelta(minutes=1)
_SALT = "wallets.auth.assertions"


def assertion_make(*, user_id: int) -> str:
    """Says that this user asks."""
    return _signer().sign(str(user_id))


def assertion_read(assertion: str) -> int | None:
    """The id of the user who asks; None for what was not made with our key, or too long ago, or where we have none."""
    # An empty key is one that everybody knows.
    if not settings.WALLET_SERVICE_KEY:
        return None
    try:
        return int(_signer().unsign(assertion, max_age=AGE_MAX))
    except signing.BadSignature:
        return None


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(key=settings.WALLET_SERVICE_KEY, salt=_SALT)
