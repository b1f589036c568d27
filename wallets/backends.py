"""Authentication backends. They find the user of a session without a query.

Sessions store the paths of these classes: moving or removing one would log everybody out whose session names it.
"""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from wallets.auth.access import user_find
from wallets.auth.sign_in import password_check
from wallets.models import User


class _Remembering(ModelBackend):
    """Finds the user of a session in the cache. All else is Django's."""

    def get_user(self, user_id: int) -> User | None:
        user = user_find(user_id=user_id)
        return user if user is not None and self.user_can_authenticate(user) else None


class UsernameBackend(_Remembering):
    """Serves the sessions of earlier releases, which name it. It authenticates nobody and hashes nothing."""

    def authenticate(  # type: ignore[override]
        self,
        request: HttpRequest | None,  # noqa: ARG002 - Django's signature
        **credentials: Any,  # noqa: ARG002
    ) -> None:
        return None


class UsernameOrEmailBackend(_Remembering, AuthenticationBackend):  # type: ignore[misc]  # allauth is untyped
    """Authenticates by username or email address and password, with exactly one hash per attempt."""

    def authenticate(  # type: ignore[override]
        self, request: HttpRequest | None, **credentials: Any
    ) -> User | None:
        # allauth passes an address as `email`, and also as `username`.
        login = credentials.get("username") or credentials.get("email") or ""
        user = password_check(login=login, password=credentials.get("password") or "", request=request)
        if user is None or self.user_can_authenticate(user):
            return user
        # allauth shows the owner of a deactivated account a page that says so.
        self._stash_user(user)
        return None
