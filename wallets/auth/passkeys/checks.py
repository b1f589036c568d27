"""Passkeys: adding one, and checking that somebody holds one.

Every passkey can sign in alone: it is stored on the device together with whose it is, and the device asks its user for
a PIN, a fingerprint or a face. So it counts as two factors. Of a passkey, the site stores the public key only.

- A challenge is in the session and used up by the first answer to it, right or wrong. The last one that a passkey has
  signed is also stored with it, under its row lock, so that two requests at once do not both pass.
- A passkey signs in alone only if it was added, or used after the password, since the password last changed. Locking
  the account, undoing a change of email and resetting the password all change it, so a thief's passkey opens nothing
  afterwards.
- Some passkeys count their uses. One that counts backwards has been copied, and is refused.
"""

import hashlib
import struct
from typing import Any, TypeVar

from allauth.account.utils import url_str_to_user_pk
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.db import transaction
from django.utils.crypto import constant_time_compare
from fido2.cose import CoseKey
from fido2.utils import websafe_encode
from fido2.webauthn import AuthenticationResponse, CollectedClientData, RegistrationResponse

from wallets.auth.passkeys.site import passkey_site
from wallets.models import User

#: Of one user. Each sign-in reads them all.
PASSKEYS_MAX = 20
#: What parsing may raise on bytes that a stranger has made up.
_UNREADABLE = (
    *(AttributeError, IndexError, KeyError, NotImplementedError, OverflowError, RecursionError, TypeError, ValueError),
    struct.error,
)
_Response = TypeVar("_Response", RegistrationResponse, AuthenticationResponse)


class PasskeyRefusedError(Exception):
    """The answer to a challenge was not accepted. `factor` is the passkey that gave it, if it is one of the site's."""

    def __init__(self, reason: str, *, factor: Authenticator | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.factor = factor


class PasswordFirstError(PasskeyRefusedError):
    """The passkey is right, but the password has changed since it was last used with it."""


def passkey_options_new(*, user: User) -> dict[str, Any]:
    """What the browser needs to make a passkey for this user, with a new challenge."""
    options: dict[str, Any] = auth.begin_registration(user, passwordless=True)
    return options


def passkey_registered(*, user: User, response: Any) -> dict[str, Any]:
    """What is stored of a passkey that a browser has just made. Raises PasskeyRefusedError."""
    state = _state_take()
    registration = _parsed(RegistrationResponse, response)
    _origin_check(registration.response.client_data)
    try:
        made = auth.get_server().register_complete(state, registration)
        key = made.credential_data.public_key
        is_supported = key[3] in CoseKey.supported_algorithms()
    except _UNREADABLE as error:
        raise PasskeyRefusedError("registration") from error
    if not is_supported:
        raise PasskeyRefusedError("algorithm")
    if made.credential_data.credential_id in {found for found, _ in _passkeys(user)}:
        raise PasskeyRefusedError("known already")
    # Made anew of what was checked: whatever else the browser sent is not stored.
    return {
        "id": websafe_encode(registration.raw_id),
        "rawId": websafe_encode(registration.raw_id),
        "type": "public-key",
        "response": {
            "clientDataJSON": websafe_encode(registration.response.client_data),
            "attestationObject": websafe_encode(registration.response.attestation_object),
        },
        "clientExtensionResults": {"credProps": {"rk": True}},
    }


def passkey_data(*, user: User, name: str, credential: dict[str, Any]) -> dict[str, Any]:
    """The data of a new passkey, in the form that allauth reads."""
    return {"name": name, "credential": credential, _MARK: _mark(user)}


def challenge_forget() -> None:
    """Uses up the challenge of this session."""
    auth.clear_state()


def passkey_user(*, response: Any) -> User | None:
    """Whose passkey this claims to be. It is not checked yet."""
    try:
        handle = _parsed(AuthenticationResponse, response).response.user_handle
        user_id = url_str_to_user_pk(handle.decode()) if handle else None
    except (PasskeyRefusedError, *_UNREADABLE):
        return None
    return User.objects.filter(pk=user_id).first() if user_id is not None else None


def passkey_accepting(*, user: User, response: Any, entered: str | None) -> Authenticator:
    """The user's passkey that has signed the challenge of this session. `entered` is the session hash of the password
    that was entered before; None if there was none. Raises PasskeyRefusedError.
    """
    state = _state_take()
    assertion = _parsed(AuthenticationResponse, response)
    _origin_check(assertion.response.client_data)
    found = next((factor for known, factor in _passkeys(user) if known == assertion.raw_id), None)
    if found is None:
        raise PasskeyRefusedError("unknown")
    try:
        credential = found.wrap().authenticator_data.credential_data
        auth.get_server().authenticate_complete(state, [credential], assertion)
    except _UNREADABLE as error:
        raise PasskeyRefusedError("signature", factor=found) from error
    _use(found, user, assertion, entered=entered)
    found.user = user
    return found


#: Keys of a passkey's data: its last count of uses, the last challenge it signed, and a mark of the user's password.
_COUNT, _CHALLENGE, _MARK = "sign_count", "last_challenge", "password_mark"


def _use(factor: Authenticator, user: User, assertion: AuthenticationResponse, *, entered: str | None) -> None:
    challenge = hashlib.sha256(assertion.response.client_data.challenge).hexdigest()
    count = assertion.response.authenticator_data.counter
    # Race: the password changes between the password and the passkey, which may be a thief's. Both hashes are of the
    # password that is read here, so an old one does not let the passkey sign in alone from now on.
    user = User.objects.get(pk=user.pk)
    mark = _mark(user)
    if entered is not None and not constant_time_compare(entered, user.get_session_auth_hash()):
        raise PasskeyRefusedError("password changed", factor=factor)
    with transaction.atomic():
        # Race: the same answer twice at the same time. With the row lock the second one finds its challenge used.
        locked = Authenticator.objects.select_for_update().filter(pk=factor.pk).first()
        if locked is None or locked.data.get(_CHALLENGE) == challenge:
            raise PasskeyRefusedError("used", factor=factor)
        last = locked.data.get(_COUNT, locked.wrap().authenticator_data.counter)
        if (count or last) and count <= last:
            raise PasskeyRefusedError("copied", factor=factor)
        if entered is None and not constant_time_compare(locked.data.get(_MARK, ""), mark):
            raise PasswordFirstError("password changed", factor=factor)
        data = {**locked.data, _COUNT: count, _CHALLENGE: challenge, _MARK: mark}
        Authenticator.objects.filter(pk=factor.pk).update(data=data)


def _state_take() -> dict[str, Any]:
    state: dict[str, Any] | None = auth.get_state()
    auth.clear_state()
    if not state:
        raise PasskeyRefusedError("no challenge")
    return state


def _parsed(kind: type[_Response], response: Any) -> _Response:
    try:
        parsed: _Response = kind.from_dict(response)
    except _UNREADABLE as error:
        raise PasskeyRefusedError("unreadable") from error
    return parsed


def _origin_check(client_data: CollectedClientData) -> None:
    """fido2 itself would also accept subdomains and other ports."""
    site = passkey_site()
    if site is None or client_data.origin != site.origin or client_data.cross_origin:
        raise PasskeyRefusedError("origin")


def _passkeys(user: User) -> list[tuple[bytes, Authenticator]]:
    """The user's passkeys, each with its id."""
    factors = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    return [(factor.wrap().authenticator_data.credential_data.credential_id, factor) for factor in factors]


def _mark(user: User) -> str:
    """Changes with the password. The salted hash in Postgres cannot be guessed from it."""
    return hashlib.blake2b(user.password.encode(), digest_size=12, person=b"passkey").hexdigest()
