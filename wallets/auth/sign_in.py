"""Checks passwords and second factors, for every entry point: the sign-in page, REST, and pages that ask again.

An attempt takes a unit of a guessing budget (`wallets.auth.guessing`), computes exactly one password hash whatever was
entered, and is recorded if it failed. Time and answer are the same for unknown names.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.hashers import make_password, verify_password
from django.db import transaction
from django.http import HttpRequest

from wallets.auth.accounts import user_by_login
from wallets.auth.browsers import browser_known
from wallets.auth.factors.codes import factor_accepting
from wallets.auth.guessing import (
    Budget,
    Guess,
    budget_touch,
    factor_budget,
    guess_counted,
    notice_due,
    password_budget,
)
from wallets.auth.notices import notice_send
from wallets.auth.passkeys.checks import PasskeyRefusedError, challenge_forget, passkey_accepting, passkey_user
from wallets.auth.security_log import security_event_record, sign_in_failed_unknown
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.limits import PASSWORD_LENGTH_MAX
from wallets.domain.security import SecurityEventKind
from wallets.models import User
from wallets.services import user_fence
from wallets.sessions.services import browser_sessions_end

#: The key in the session of a user who has entered the password: the session hash of that password.
PASSWORD_MARK = "wallets.password_mark"  # noqa: S105 - no password


def password_check(*, login: str, password: str, request: HttpRequest | None) -> User | None:
    """The account with this name and password, active or not; None if there is none.

    `request` is that of a browser, which may be known to the account. Raises RATE_LIMITED if too many guesses were
    wrong, and UNAVAILABLE if too many passwords are being hashed.
    """
    user = user_by_login(login)
    browser_id = browser_known(request, user) if user is not None else None
    budget = password_budget(user=user, login=login, browser_id=browser_id)
    try:
        with guess_counted(budget) as guess:
            is_right, is_outdated = _hash_once(user, password)
            if is_right:
                guess.right()
    except WalletError as error:
        _exhausted_notice(error, user, budget, step="password")
        raise
    if user is None:
        # A failure of a known account is recorded. This takes as long, so that time does not tell them apart.
        budget_touch(budget)
        sign_in_failed_unknown()
        return None
    if not is_right:
        security_event_record(user=user, kind=SecurityEventKind.SIGN_IN_FAILED, detail={"step": "password"})
        return None
    if is_outdated and (request is None or not request.user.is_authenticated):
        _password_rehash(user, password)
    return user


def credentials_check(*, username: str, password: str, otp: str | None = None) -> User:
    """Returns the user with these credentials, for REST. Raises NOT_AUTHENTICATED, naming `otp` if that is missing or
    wrong, and RATE_LIMITED and UNAVAILABLE as `password_check` does. It uses no session or cookie."""
    user = password_check(login=username, password=password, request=None)
    if user is None or not user.is_active:
        raise WalletError(ErrorCode.NOT_AUTHENTICATED, "The username or the password is wrong.")
    if is_mfa_enabled(user):
        _otp_check(user, otp)
    return user


def second_factor_check(*, user: User, code: str, request: HttpRequest | None) -> Authenticator | None:
    """The factor of this user that accepts the code, which is used up by that. None if none does.

    Raises RATE_LIMITED if too many codes were wrong.
    """
    with _factor_guess(user, request) as guess:
        factor = factor_accepting(user=user, code=code)
        if factor is not None:
            guess.right()
    if factor is None:
        security_event_record(user=user, kind=SecurityEventKind.SIGN_IN_FAILED, detail={"step": "code"})
    return factor


def passkey_check(*, user: User, response: Any, request: HttpRequest, entered: str) -> Authenticator:
    """The passkey of this user that has answered the challenge, after the password or to confirm who is there.
    `entered` is the session hash of the password with which this session began.

    Refused answers count as wrong codes. Raises PasskeyRefusedError, and RATE_LIMITED if there were too many.
    """
    refusal = None
    with _factor_guess(user, request) as guess:
        try:
            factor = passkey_accepting(user=user, response=response, entered=entered)
            guess.right()
        except PasskeyRefusedError as error:
            refusal = error
    if refusal is not None:
        _passkey_failed(user, refusal)
        raise refusal
    return factor


def passkey_sign_in(*, response: Any) -> Authenticator:
    """The passkey that has answered the challenge of a sign-in without a password.

    Whose it is stands in the answer, which anybody can make up. So a refused one takes nothing from the budget of the
    user that it names, and is recorded only if it came from a passkey that this user has. Raises PasskeyRefusedError.
    """
    user = passkey_user(response=response)
    if user is None or not user.is_active:
        challenge_forget()
        raise PasskeyRefusedError("nobody")
    try:
        return passkey_accepting(user=user, response=response, entered=None)
    except PasskeyRefusedError as error:
        if error.factor is not None:
            _passkey_failed(user, error)
        raise


@contextmanager
def _factor_guess(user: User, request: HttpRequest | None) -> Iterator[Guess]:
    budget = factor_budget(user=user, browser_id=browser_known(request, user))
    try:
        with guess_counted(budget) as guess:
            yield guess
    except WalletError as error:
        _exhausted_notice(error, user, budget, step="code")
        raise


def _passkey_failed(user: User, error: PasskeyRefusedError) -> None:
    detail = {"step": "passkey", "reason": error.reason}
    if error.factor is not None:
        detail["name"] = error.factor.wrap().name
    security_event_record(user=user, kind=SecurityEventKind.SIGN_IN_FAILED, detail=detail)


def _hash_once(user: User | None, password: str) -> tuple[bool, bool]:
    """Whether the password is right, and whether its hash is of an older kind. Computes one hash in any case."""
    if user is None or not password or len(password) > PASSWORD_LENGTH_MAX:
        make_password(password[:PASSWORD_LENGTH_MAX])
        return False, False
    # For an account without a usable password, Django hashes a random one.
    return verify_password(password, user.password)


def _password_rehash(user: User, password: str) -> None:
    """Replaces a hash of an older kind by one of the current kind.

    Sessions contain a mark of the hash, so this ends the user's other sessions. It is therefore done at a sign-in only,
    never when a signed-in user enters the password again.
    """
    outdated, user.password = user.password, make_password(password)
    with transaction.atomic():
        # Race: the password is changed meanwhile. The change stays, and this sign-in ends with its first request.
        User.objects.filter(pk=user.pk, password=outdated).update(password=user.password)
        browser_sessions_end(user_id=user.pk)
        user_fence(user_id=user.pk)


def _exhausted_notice(error: WalletError, user: User | None, budget: Budget, *, step: str) -> None:
    """Tells the owner, once a day, that somebody has used up the guesses at the account."""
    if user is None or error.code != ErrorCode.RATE_LIMITED:
        return
    with transaction.atomic():
        if notice_due(budget):
            security_event_record(user=user, kind=SecurityEventKind.GUESSING_STOPPED, detail={"step": step})
            notice_send(user=user, name="guessing_stopped", step=step)


def _otp_check(user: User, otp: str | None) -> None:
    if otp is None:
        raise _otp_needed("An otp is required: a code from the authenticator app, or a recovery code.")
    if second_factor_check(user=user, code=otp, request=None) is None:
        raise _otp_needed("An otp is required, and this one is wrong, expired or already used.")


def _otp_needed(detail: str) -> WalletError:
    return WalletError(ErrorCode.NOT_AUTHENTICATED, detail, fields={"otp": [detail]})
