"""How people sign in, and how each of their requests finds them again: without a query."""

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.backends import ModelBackend

from wallets.auth.access import user_find
from wallets.models import User


class _Remembering(ModelBackend):
    """Finds the user of a session in the cache; everything else is Django's."""

    def get_user(self, user_id: int) -> User | None:
        user = user_find(user_id=user_id)
        return user if user is not None and self.user_can_authenticate(user) else None


class UsernameBackend(_Remembering):
    """A username and a password."""


class UsernameOrEmailBackend(_Remembering, AuthenticationBackend):  # type: ignore[misc]  # allauth is untyped
    """What is typed into the sign-in form: a username or an e-mail address, and a password."""
