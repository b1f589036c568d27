"""What an authenticator app shows."""

import base64
import hmac
import time

_STEP_S = 30


def totp_code(secret: str) -> str:
    """The code of RFC 6238 for a secret in base32. Never in the last moments of its time, so that it is still valid
    when it is entered."""
    while time.time() % _STEP_S > _STEP_S - 3:
        time.sleep(0.1)
    digest = hmac.digest(base64.b32decode(secret), int(time.time() // _STEP_S).to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0xF
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06}"
