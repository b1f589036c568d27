"""The Idempotency-Key header: the same request with the same key gets the same answer and moves money once."""

import re

from rest_framework.request import Request

from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.limits import idempotency_key_fits

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
# A string of RFC 8941, as in the IETF's draft of this header: "8e03978e-40d5", with the escapes \" and \\.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')


def idempotency_key(request: Request) -> str | None:
    """The request's key, which may be quoted or bare; None if the header is missing. Raises MALFORMED."""
    header = request.headers.get(HEADER)
    if header is None:
        return None
    quoted = _QUOTED.fullmatch(header.strip(" \t"))
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header.strip(" \t")
    # A bare key may contain quotes, but may not begin with one: that is a malformed quoted key.
    if not idempotency_key_fits(key) or (not quoted and key.startswith('"')):
        message = "Must be 1 to 255 visible ASCII characters, with or without double quotes."
        raise WalletError(ErrorCode.MALFORMED, f"{HEADER}: {message}", fields={HEADER: [message]})
    return key
