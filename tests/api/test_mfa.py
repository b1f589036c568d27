"""Logging in with a second factor, which cannot be bypassed."""

import time
from datetime import UTC, datetime

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.http import HttpResponse
from time_machine import TimeMachineFixture

from tests.api.client import Api, Person, assert_problem
from tests.people import PASSWORD

SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture
def careful(alice: Person) -> Person:
    """Alice with an authenticator app and recovery codes."""
    TOTP.activate(alice.user, SECRET)
    RecoveryCodes.activate(alice.user)
    return alice


def login(**fields: object) -> HttpResponse:
    return Api().post("/auth/login", {"username": "alice", "password": PASSWORD, **fields})


def code(steps: int = 0) -> str:
    return str(format_hotp_value(hotp_value(SECRET, int(time.time()) // 30 + steps)))


def assert_otp_needed(response: HttpResponse) -> None:
    problem = assert_problem(response, "not_authenticated", 401)
    assert "otp is required" in problem["detail"]
    assert list(problem["errors"]) == ["otp"]


def test_a_password_alone_is_not_enough(careful: Person) -> None:
    assert_otp_needed(login())


@pytest.mark.parametrize("otp", ["", "000000", "abcdef", "1" * 32, "\u0660\u0660\u0660\u0660\u0660\u0660", "null"])
def test_a_wrong_code_is_not_enough(careful: Person, otp: str) -> None:
    response = login(otp=otp)

    if otp:
        assert_otp_needed(response)
    else:
        assert_problem(response, "malformed", 400)


@pytest.mark.parametrize("otp", [123456, None, True, ["123456"], {}, "1" * 33])
def test_an_odd_code_is_malformed(careful: Person, otp: object) -> None:
    assert list(assert_problem(login(otp=otp), "malformed", 400)["errors"]) == ["otp"]


def test_an_authenticator_code_works_only_once(careful: Person, time_machine: TimeMachineFixture) -> None:
    time_machine.move_to(datetime.now(tz=UTC), tick=False)

    assert login(otp=code()).status_code == 200
    assert_otp_needed(login(otp=code()))


def test_an_old_code_is_refused(careful: Person) -> None:
    assert_otp_needed(login(otp=code(steps=-5)))


def test_a_recovery_code_works_once(careful: Person) -> None:
    recovery_code = Authenticator.objects.get(user=careful.user, type="recovery_codes").wrap().get_unused_codes()[0]

    assert login(otp=recovery_code).status_code == 200
    assert_otp_needed(login(otp=recovery_code))


def test_a_wrong_password_reveals_nothing_about_the_second_factor(careful: Person) -> None:
    problem = assert_problem(login(password="wrong", otp=code()), "not_authenticated", 401)

    assert "otp" not in problem["detail"]
    assert "errors" not in problem


def test_using_a_factor_is_recorded(careful: Person) -> None:
    login(otp=code())

    assert Authenticator.objects.get(user=careful.user, type="totp").last_used_at is not None


def test_a_user_without_a_second_factor_needs_no_code(alice: Person) -> None:
    assert login().status_code == 200
    assert login(otp="123456").status_code == 200
