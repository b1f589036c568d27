"""Hooks that allauth calls about second factors: their words, the domain of passkeys, and how secrets are read."""

from typing import Any

from allauth.account.utils import user_pk_to_url_str
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest

from wallets.auth.factors.secrets import OpenedSecret, owner_named, secret_open
from wallets.auth.passkeys.site import passkey_site
from wallets.models import User


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Messages of two-factor authentication, and how its pages read sealed secrets."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is wrong or has expired. Enter the current code.",
        "passkey_refused": "This passkey was not accepted. Try again, or log in another way.",
        "passkey_not_added": "The passkey could not be added. Try again.",
        "password_first": (
            "Your password has changed since you last used this passkey. Log in with your new password once, and use "
            "the passkey after it."
        ),
    }

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Binds passkeys to the domain of SITE_URL, whatever host a request names. Without such a domain there are no
        passkeys, and nothing matches this one."""
        site = passkey_site()
        return {"id": site.domain if site else "invalid", "name": settings.MFA_TOTP_ISSUER}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        """What the device shows and stores. The id tells whose passkey it is, so it must not change."""
        name = user.get_username()
        return {"id": user_pk_to_url_str(user).encode(), "name": name, "display_name": user.display_name or name}

    def encrypt(self, text: str) -> str:
        """Nothing: a secret is sealed for its owner, whom this does not know, when the factor is saved
        (`wallets.auth.factors.events`)."""
        return text

    def decrypt(self, encrypted_text: str) -> str:
        """For the pages on which users see their own recovery codes. Codes are checked in
        `wallets.auth.factors.codes`, which opens their seed itself."""
        if isinstance(encrypted_text, OpenedSecret):
            return encrypted_text
        request: HttpRequest | None = context.request
        owner = request.user.pk if request is not None else owner_named(encrypted_text)
        return secret_open(encrypted_text, user_id=owner or 0)
