"""The Idempotency-Key header: the same key, the same request, the same answer, and the money moves once."""

import re

from rest_framework.request import Request

from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.limits import idempotency_key_fits

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
# A string of RFC 8941, as the IETF's draft of this header writes it: "8e03978e-40d5", with \" and \\ inside.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')


def idempotency_key(request: Request) -> str | None:
    """The request's key, quoted or bare; None where it has none. Raises MALFORMED."""
    header = request.headers.get(HEADER)
    if header is None:
        return None
    quoted = _QUOTED.fullmatch(header.strip(" \t"))
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header.strip(" \t")
    # A bare key may hold quotes, but not begin with one: that is a quoted key gone wrong.
    if not idempotency_key_fits(key) or (not quoted and key.startswith('"')):
        message = "Must be 1 to 255 visible ASCII characters, with or without double quotes."
        raise WalletError(ErrorCode.MALFORMED, f"{HEADER}: {message}", fields={HEADER: [message]})
    return key
