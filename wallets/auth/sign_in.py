"""Sign-in for REST: a password and, if the account has one, a second factor. It uses no session or cookie."""

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth import authenticate
from django.http import HttpRequest

from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User


def credentials_check(*, request: HttpRequest, username: str, password: str, otp: str | None = None) -> User:
    """Returns the user with these credentials. Raises NOT_AUTHENTICATED, naming `otp` if that is missing or wrong.

    An unknown name takes as long as a wrong password, because Django's backends hash the password in both cases.
    """
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        raise WalletError(ErrorCode.NOT_AUTHENTICATED, "The username or the password is wrong.")
    if is_mfa_enabled(user):
        _otp_check(user, otp)
    return user


def _otp_check(user: User, otp: str | None) -> None:
    if otp is None:
        raise _otp_needed("An otp is required: a code from the authenticator app, or a recovery code.")
    # A passkey has no code that could be typed.
    for factor in Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN):
        if factor.wrap().validate_code(otp):
            factor.record_usage()
            return
    raise _otp_needed("An otp is required, and this one is wrong, expired or already used.")


def _otp_needed(detail: str) -> WalletError:
    return WalletError(ErrorCode.NOT_AUTHENTICATED, detail, fields={"otp": [detail]})
