"""Encrypts what mails say, until they are sent: a link in them may reset a password.

Somebody who can ask for such a link and only reads Postgres, or a backup of it, cannot use the link. The key is derived
from SECRET_KEY; mails of earlier keys stay readable as long as those are in SECRET_KEY_FALLBACKS.
"""

import base64
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

_PURPOSE = b"notifications.content"


class ContentUnreadableError(ValueError):
    """The content was encrypted with a key that this process does not have, or changed since."""


def content_seal(content: bytes) -> bytes:
    """The encrypted content."""
    return _cipher().encrypt(content)


def content_open(sealed: bytes) -> bytes:
    """What was encrypted. Raises ContentUnreadableError."""
    try:
        return _cipher().decrypt(sealed)
    except InvalidToken as error:
        raise ContentUnreadableError("It was encrypted with another SECRET_KEY.") from error


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> bytes:
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), _PURPOSE, "sha256"))
