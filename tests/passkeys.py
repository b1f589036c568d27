"""A software authenticator: makes passkeys and signs challenges as a browser with a phone or security key would."""

import hashlib
import html
import json
import os
import re
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.test import Client
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode

from tests.pages.kit import text_of

ORIGIN = "http://localhost:8000"
_PRESENT, _VERIFIED, _HAS_CREDENTIAL = 0x01, 0x04, 0x40


def browser() -> Client:
    """A browser at the address where passkeys work."""
    return Client(headers={"host": "localhost:8000"})


@dataclass
class Authenticator:
    """One device with one passkey. Its attributes can be set to make it misbehave."""

    origin: str = ORIGIN
    domain: str = "localhost"
    is_verified: bool = True
    is_present: bool = True
    #: None for a device that does not count.
    counts_from: int | None = None
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    user_handle: bytes = b""

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answers a request to make a passkey."""
        asked = options["publicKey"]
        self.user_handle = websafe_decode(asked["user"]["id"])
        public = ES256.from_cryptography_key(self.key.public_key())  # type: ignore[no-untyped-call]
        credential = b"\0" * 16 + struct.pack(">H", len(self.credential_id)) + self.credential_id + cbor.encode(public)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(_HAS_CREDENTIAL) + credential}
        response = {
            "clientDataJSON": self._client_data("webauthn.create", asked["challenge"]),
            "attestationObject": cbor.encode(attestation),
        }
        return self._answer(response)

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """Signs a challenge."""
        client_data = self._client_data("webauthn.get", options["publicKey"]["challenge"])
        if self.counts_from is not None:
            self.counts_from += 1
        data = self._data(0)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            {
                "clientDataJSON": client_data,
                "authenticatorData": data,
                "signature": signature,
                "userHandle": self.user_handle,
            }
        )

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _data(self, flags: int) -> bytes:
        flags |= (_PRESENT if self.is_present else 0) | (_VERIFIED if self.is_verified else 0)
        return hashlib.sha256(self.domain.encode()).digest() + struct.pack(">BI", flags, self.counts_from or 0)

    def _answer(self, response: dict[str, bytes]) -> dict[str, Any]:
        name = websafe_encode(self.credential_id)
        encoded = {key: websafe_encode(value) for key, value in response.items()}
        return {"id": name, "rawId": name, "type": "public-key", "response": encoded, "clientExtensionResults": {}}


def options_of(response: Any) -> dict[str, Any]:
    """What a page asks of the browser."""
    found = re.search(r'data-options="([^"]*)"', text_of(response))
    assert found, "the page asks for no passkey"
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options


def answer(client: Client, path: str, device: Authenticator, **entered: str) -> Any:
    """Opens a page that asks for a passkey, and answers it."""
    credential = device.get(options_of(client.get(path)))
    return client.post(path, {"credential": json.dumps(credential), **entered})


def challenge(client: Client) -> dict[str, Any]:
    """Presses "Log in with a passkey"."""
    asked: dict[str, Any] = client.post("/accounts/2fa/webauthn/login/").json()
    return asked


def passkey_log_in(client: Client, device: Authenticator, **entered: str) -> Any:
    credential = device.get(challenge(client))
    return client.post("/accounts/2fa/webauthn/login/", {"credential": json.dumps(credential), **entered})


def passkey_add(client: Client, device: Authenticator, name: str = "phone") -> Any:
    """Adds a passkey in a browser that has confirmed who is there."""
    path = "/accounts/2fa/webauthn/add/"
    credential = device.create(options_of(client.get(path)))
    return client.post(path, {"credential": json.dumps(credential), "name": name})
