"""Signatures of webhooks, as Standard Webhooks defines them (https://www.standardwebhooks.com, version 1.0.0).

A webhook has an id, a time and a body. Its sender signs the three with a shared secret, and may sign with several while
it replaces one.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: How far the sender's clock may be off, and how late a webhook may arrive. Older ones may be repeats by an attacker.
TOLERANCE_S = 300
_PREFIX = "whsec_"
_VERSION = "v1"
#: Bytes of a secret. The standard asks for 24 to 64.
SECRET_BYTES_MIN = 24
#: Signatures of one webhook that are compared. More would only cost time.
_SIGNATURES_MAX = 10


class WebhookError(Exception):
    """The webhook is not authentic. The message says why, for the operator who connects a sender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """What was received: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, and the body."""

    id: str
    timestamp: str
    signatures: str
    body: bytes


def secret_parse(secret: str) -> bytes:
    """The bytes of a secret in the form whsec_<base64>. Raises ValueError, without the secret in its message."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("A webhook secret has the form whsec_<base64>.") from None
    if not secret.startswith(_PREFIX) or len(key) < SECRET_BYTES_MIN:
        raise ValueError(f"A webhook secret has the form whsec_<base64>, of {SECRET_BYTES_MIN} or more bytes.")
    return key


def webhook_sign(*, secret: str, webhook_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of the header `webhook-signature`."""
    signed = f"{webhook_id}.{timestamp_s}.".encode() + body
    digest = hmac.new(secret_parse(secret), signed, hashlib.sha256).digest()
    return f"{_VERSION},{base64.b64encode(digest).decode()}"


def webhook_verify(webhook: Webhook, *, secrets: Sequence[str], now_s: float) -> None:
    """Returns if one of the secrets signed this webhook and it is recent. Raises WebhookError."""
    if not webhook.id or not webhook.signatures:
        raise WebhookError("Sign the request: send webhook-id, webhook-timestamp and webhook-signature.")
    timestamp_s = _timestamp(webhook.timestamp)
    if abs(now_s - timestamp_s) > TOLERANCE_S:
        raise WebhookError(f"The webhook-timestamp is more than {TOLERANCE_S} s away from this server's clock.")
    given = webhook.signatures.split()[:_SIGNATURES_MAX]
    expected = [
        webhook_sign(secret=secret, webhook_id=webhook.id, timestamp_s=timestamp_s, body=webhook.body)
        for secret in secrets
    ]
    if not _any_equal(given, expected):
        raise WebhookError("The webhook-signature does not fit this request.")


def _timestamp(text: str) -> int:
    # int() accepts more than digits, such as spaces and signs.
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise WebhookError("The webhook-timestamp must be whole seconds since 1970.")
    return int(text)


def _any_equal(given: Iterable[str], expected: Sequence[str]) -> bool:
    """Compares in a time that does not tell how much of a signature was right."""
    return any(hmac.compare_digest(one.encode(), other.encode()) for one in given for other in expected)
