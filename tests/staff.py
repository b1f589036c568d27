"""Staff, and their browsers."""

import time

from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import is_mfa_enabled
from django.test import Client

from tests.people import person
from wallets.models import User

#: Of the authenticator app of every member of staff.
TOTP_SECRET = "JBSWY3DPEHPK3PXP"


def superuser_create(name: str = "root") -> User:
    user = person(name)
    user.is_staff = user.is_superuser = True
    user.save()
    return user


def browser_of(user: User) -> Client:
    """A browser in which this user has logged in. Staff did so with their second factor."""
    client = Client()
    client.force_login(user)
    if user.is_staff:
        second_factor_use(client, user)
    return client


def second_factor_use(client: Client, user: User) -> None:
    """Gives the user a second factor, and records in the browser's session that it was used."""
    if not is_mfa_enabled(user):
        TOTP.activate(user, TOTP_SECRET)
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "type": "totp"}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
