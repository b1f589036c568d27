"""Finds an account by what its owner types to sign in."""

from wallets.domain.names import name_canonical
from wallets.models import User


def user_by_login(login: str) -> User | None:
    """The account with this username or confirmed email address, active or not.

    No username contains "@", so there is one query, and nobody can take a username that is somebody's address.
    """
    name = login_canonical(login)
    if not name or "\0" in name:
        return None
    return User.objects.filter(**{"email" if "@" in name else "username": name}).first()


def login_canonical(login: str) -> str:
    """What was typed, in the form in which usernames and email addresses are stored."""
    return name_canonical(login)
