"""Parallel guesses cannot exceed a budget, and of parallel uses of one code, one succeeds."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.db import transaction
from pytest_django import Settings

from tests.concurrency.crowd import Meanwhile, at_once, codes
from tests.concurrency.waiting import waiters_wait
from tests.people import PASSWORD
from tests.wallets.hashing import COUNTING_HASHERS, CountingHasher
from wallets.auth.locking import account_lock
from wallets.auth.sign_in import password_check, second_factor_check
from wallets.auth.tokens import api_sign_in
from wallets.domain.errors import WalletError
from wallets.domain.security import SecurityEventKind
from wallets.models import ApiToken, User
from wallets.models.security import SecurityEvent

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "JBSWY3DPEHPK3PXP"


def test_parallel_guesses_get_no_more_than_the_budget(alice: User, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = COUNTING_HASHERS
    before = CountingHasher.count

    answers = at_once([lambda: password_check(login="alice", password="wrong", request=None)] * 30)

    assert codes(answers) == {"done": 10, "rate_limited": 20}
    # A refused guess is not even hashed.
    assert CountingHasher.count - before == 10
    assert SecurityEvent.objects.filter(kind=SecurityEventKind.GUESSING_STOPPED).count() == 1


def test_parallel_guesses_with_the_right_one_among_them(alice: User) -> None:
    words = [*["wrong"] * 20, PASSWORD]

    answers = at_once([lambda word=word: password_check(login="alice", password=word, request=None) for word in words])  # type: ignore[misc]

    wrong = [answer for answer in answers if answer.error is None and answer.value is None]
    assert len(wrong) <= 10
    assert all(answer.error is None or isinstance(answer.error, WalletError) for answer in answers)


def uses_while_locked(user: User, factor: Authenticator, entered: str) -> int:
    """Starts two uses of the code while the factor's row is locked, so that both are under way before either ends.
    Returns how many succeeded."""

    def use() -> object:
        return second_factor_check(user=user, code=entered, request=None)

    with transaction.atomic():
        Authenticator.objects.select_for_update().get(pk=factor.pk)
        uses = [Meanwhile(use), Meanwhile(use)]
        waiters_wait(2)
    return sum(one.answer().value is not None for one in uses)


def test_of_parallel_uses_of_one_authenticator_code_one_succeeds(alice: User) -> None:
    factor = TOTP.activate(alice, SECRET).instance
    entered = str(format_hotp_value(hotp_value(SECRET, int(time.time()) // 30)))

    assert uses_while_locked(alice, factor, entered) == 1


def test_of_parallel_uses_of_one_recovery_code_one_succeeds(alice: User) -> None:
    factor = RecoveryCodes.activate(alice).instance
    entered = factor.wrap().get_unused_codes()[0]

    assert uses_while_locked(alice, factor, entered) == 1
    assert len(Authenticator.objects.get(user=alice).wrap().get_unused_codes()) == 9


def test_an_account_is_locked_once_and_no_token_that_is_being_issued_survives(alice: User) -> None:
    locks = [lambda: account_lock(user_id=alice.pk, via="page")] * 3
    sign_ins = [lambda: api_sign_in(user=alice)] * 5

    answers = at_once([*locks, *sign_ins])

    assert [answer.value for answer in answers[:3]].count(True) == 1
    assert codes(answers[3:]).keys() <= {"done", "not_authenticated"}
    assert not ApiToken.objects.exists()
    assert SecurityEvent.objects.filter(kind=SecurityEventKind.LOCKED).count() == 1
