"""Seals what a browser's session contains: nobody reads it in Postgres, in a backup or on a replica.

It holds secrets, such as that of an authenticator app while it is set up. The key follows from SECRET_KEY and from the
session's own key, which only the browser has. So each session has a key of its own: contents that are copied to another
session do not open, and whoever has the database and SECRET_KEY still reads no session whose cookie they lack.
"""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

#: How sealed contents begin. Postgres refuses others (migration 0018).
MARK = "sealed:1:"
_NONCE_BYTES, _KEY_BYTES = 12, 32
_PURPOSE = b"wallets.auth.sessions.data "


def session_data_seal(contents: bytes, *, session_key: str) -> str:
    """Seals the contents of the session with this key."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(settings.SECRET_KEY, session_key).encrypt(nonce, contents, MARK.encode())
    return MARK + base64.urlsafe_b64encode(nonce + sealed).decode()


def session_data_open(stored: str, *, session_key: str) -> bytes | None:
    """The contents. None if they were not sealed for this session by SECRET_KEY or one of its fallbacks."""
    if not stored.startswith(MARK):
        return None
    try:
        body = base64.urlsafe_b64decode(stored.removeprefix(MARK))
    except ValueError:
        return None
    for secret_key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return _cipher(secret_key, session_key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], MARK.encode())
        except (InvalidTag, ValueError):
            continue
    return None


def _cipher(secret_key: str, session_key: str) -> AESGCM:
    purpose = _PURPOSE + session_key.encode()
    return AESGCM(HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose).derive(secret_key.encode()))
