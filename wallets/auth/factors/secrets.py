"""Seals the secrets of second factors: the secret of an authenticator app, and the seed of recovery codes.

Whoever reads the table, a backup or a replica learns no secret and can compute no code. A sealed secret opens only for
the user and the kind of factor that it was sealed for, so that nobody makes a factor work for somebody else by copying
rows. Postgres enforces that what is stored is sealed for the row's user (migration 0016).

The first key seals: the first of FACTOR_KEYS, or without that setting a key derived from SECRET_KEY. All others still
open what they sealed. A passkey has no secret here: what is stored of it is its public key.
"""

import base64
import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import structlog
from allauth.mfa.models import Authenticator
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from wallets.domain.errors import ErrorCode, WalletError

log = structlog.get_logger(__name__)

#: Where each kind of factor keeps its secret, in its data.
SECRET_FIELDS = {Authenticator.Type.TOTP.value: "secret", Authenticator.Type.RECOVERY_CODES.value: "seed"}
#: How a sealed secret begins. Seeds and secrets contain no colon.
_MARK = "sealed:1:"
_NONCE_BYTES, _KEY_BYTES, _KEY_ID_BYTES = 12, 32, 4
_PURPOSE = b"wallets.auth.factor_secrets"


class FactorUnreadableError(WalletError):
    """A secret does not open: its key is gone, or its row was tampered with. The site is to blame, not the code that
    somebody entered, so it counts as no guess."""

    def __init__(self, reason: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, "Your second factor cannot be checked at the moment.")
        self.reason = reason


class OpenedSecret(str):
    """A secret that this process has opened. What allauth decrypts is either sealed or one of these, so that no plain
    text in the table is ever taken for a secret."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sealed:
    """A sealed secret: who may open it with which key, in plain text but authenticated, and the ciphertext."""

    key_id: str
    user_id: int
    kind: str
    body: bytes

    @property
    def head(self) -> str:
        return f"{_MARK}{self.key_id}:{self.user_id}:{self.kind}:"


def secret_seal(secret: str, *, user_id: int, kind: str) -> str:
    """Seals a secret of this user's factor with the newest key."""
    key_id, key = next(iter(_keys().items()))
    nonce = os.urandom(_NONCE_BYTES)
    head = _Sealed(key_id=key_id, user_id=user_id, kind=kind, body=b"").head
    body = nonce + AESGCM(key).encrypt(nonce, secret.encode(), head.encode())
    return head + base64.urlsafe_b64encode(body).decode()


def secret_open(stored: str, *, user_id: int, kind: str | None = None) -> OpenedSecret:
    """The secret of this user's factor, of this kind if one is given. Raises FactorUnreadableError, after a line in the
    log that tells operators why."""
    try:
        return _opened(stored, user_id, kind)
    except FactorUnreadableError as error:
        log.exception("factor_unreadable", user_id=user_id, factor=kind, reason=error.reason)
        raise


def secret_is_current(stored: str) -> bool:
    """Whether the newest key has sealed this."""
    return stored.startswith(f"{_MARK}{next(iter(_keys()))}:")


def secret_renew(stored: str, *, user_id: int, kind: str) -> str:
    """The same secret, sealed with the newest key. Raises FactorUnreadableError."""
    if secret_is_current(stored):
        return stored
    return secret_seal(secret_open(stored, user_id=user_id, kind=kind), user_id=user_id, kind=kind)


def data_seal(data: dict[str, Any], *, user_id: int, kind: str) -> dict[str, Any]:
    """The data of a factor, with its secret sealed if it is not yet. Data without a secret stays as it is."""
    field = SECRET_FIELDS.get(kind)
    if field is None or str(data[field]).startswith(_MARK):
        return data
    return {**data, field: secret_seal(data[field], user_id=user_id, kind=kind)}


def owner_named(stored: str) -> int | None:
    """Whom a sealed secret says that it belongs to. None if it is not sealed."""
    return _parsed(stored).user_id if stored.startswith(_MARK) else None


def _opened(stored: str, user_id: int, kind: str | None) -> OpenedSecret:
    sealed = _parsed(stored)
    if sealed.user_id != user_id or kind not in {None, sealed.kind}:
        raise FactorUnreadableError("it was sealed for another user or factor: the row has been tampered with")
    key = _keys().get(sealed.key_id)
    if key is None:
        raise FactorUnreadableError(f"the key {sealed.key_id} is not among FACTOR_KEYS, nor derived from SECRET_KEY")
    try:
        plain = AESGCM(key).decrypt(sealed.body[:_NONCE_BYTES], sealed.body[_NONCE_BYTES:], sealed.head.encode())
    except (InvalidTag, ValueError) as error:
        raise FactorUnreadableError("it was changed after it was sealed") from error
    return OpenedSecret(plain.decode())


def _parsed(stored: str) -> _Sealed:
    if not stored.startswith(_MARK):
        raise FactorUnreadableError("it is not sealed: it was written past the site and its guards")
    try:
        key_id, user_id, kind, body = stored.removeprefix(_MARK).split(":")
        return _Sealed(key_id=key_id, user_id=int(user_id), kind=kind, body=base64.urlsafe_b64decode(body))
    except ValueError as error:
        raise FactorUnreadableError("it was changed after it was sealed") from error


def _keys() -> dict[str, bytes]:
    """Every key by its id, the newest first."""
    configured = (*settings.FACTOR_KEYS, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return dict(_derived(key) for key in configured)


@lru_cache(maxsize=32)
def _derived(key: str) -> tuple[str, bytes]:
    """The id and the AES key that follow from a configured key. Neither tells anything about it."""
    derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_PURPOSE).derive(key.encode())
    return hashlib.blake2b(derived, digest_size=_KEY_ID_BYTES, person=b"factor key").hexdigest(), derived
