"""Authentication backends. They find the user of a session without a query.

Sessions store the paths of these classes: moving them would log everybody out.
"""

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.backends import ModelBackend

from wallets.auth.access import user_find
from wallets.domain.names import name_canonical, username_canonical
from wallets.models import User


class _Remembering(ModelBackend):
    """Finds the user of a session in the cache. All else is Django's."""

    def get_user(self, user_id: int) -> User | None:
        user = user_find(user_id=user_id)
        return user if user is not None and self.user_can_authenticate(user) else None


class UsernameBackend(_Remembering):
    """Authenticates by username and password."""


class UsernameOrEmailBackend(_Remembering, AuthenticationBackend):  # type: ignore[misc]  # allauth is untyped
    """Authenticates by username or confirmed email address and password, as typed into the sign-in form."""

    def _authenticate_by_username(self, username: str, password: str) -> User | None:
        return self._checked(User.objects.filter(username=username_canonical(username)).first(), password)

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        # allauth would also find accounts that have not confirmed the address.
        return self._checked(User.objects.filter(email=name_canonical(email)).first(), password)

    def _checked(self, user: User | None, password: str) -> User | None:
        checked: User | None = self._check_password(user, password)
        return checked
