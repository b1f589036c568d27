"""Codes of second factors: each works once, wrong ones have a budget, and Redis has no say in it."""

import time
from collections.abc import Callable, Iterator

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django_redis import get_redis_connection
from pytest_django import Settings

from tests.api.client import Api, assert_problem
from tests.own_redis import redis_use
from tests.pages.kit import fields_of
from tests.people import PASSWORD
from wallets.auth.locking import account_lock
from wallets.auth.sign_in import second_factor_check
from wallets.auth.staff.actions import staff_factor_remove
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.security import SecurityEventKind
from wallets.models import User
from wallets.models.security import SecurityEvent

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXP"
QUOTA = 5


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still."""
    with time_machine.travel(time.time(), tick=False) as coordinates:
        yield coordinates


@pytest.fixture
def careful(alice: User) -> User:
    """Alice with an authenticator app and recovery codes."""
    TOTP.activate(alice, SECRET)
    RecoveryCodes.activate(alice)
    return alice


def code(steps: int = 0) -> str:
    return str(format_hotp_value(hotp_value(SECRET, int(time.time()) // 30 + steps)))


def accepted(user: User, entered: str) -> bool:
    return second_factor_check(user=user, code=entered, request=None) is not None


@pytest.mark.parametrize(("steps", "is_accepted"), [(0, True), (-1, True), (-2, False), (1, False)])
def test_the_code_of_this_step_and_of_the_one_before_are_accepted(careful: User, steps: int, is_accepted: bool) -> None:
    assert accepted(careful, code(steps)) is is_accepted


@pytest.mark.parametrize("steps", [0, -1])
def test_each_step_is_accepted_once(careful: User, clock: time_machine.Traveller, steps: int) -> None:
    used = code(steps)

    assert accepted(careful, used)
    assert not accepted(careful, used)
    if steps == 0:
        clock.shift(30)
        assert not accepted(careful, used)


def test_the_previous_step_then_this_step_are_both_accepted(careful: User) -> None:
    assert accepted(careful, code(-1))
    assert accepted(careful, code())


def test_after_a_step_was_used_no_earlier_one_is_accepted(careful: User) -> None:
    assert accepted(careful, code())
    assert not accepted(careful, code(-1))


def test_codes_may_be_typed_with_spaces(careful: User) -> None:
    assert accepted(careful, f" {code()[:3]} {code()[3:]} ")


def test_wiping_redis_makes_no_used_code_valid_again(careful: User) -> None:
    assert accepted(careful, code())
    cache.clear()
    get_redis_connection().flushall()

    assert not accepted(careful, code())


def by_page(entered: str) -> bool:
    client = Client()
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    return client.post("/accounts/2fa/authenticate/", {"code": entered}).status_code == 302


def by_api(entered: str) -> bool:
    response = Api().post("/auth/login", {"username": "alice", "password": PASSWORD, "otp": entered})
    return response.status_code == 200


def by_asking_again(entered: str) -> bool:
    client = Client()
    client.force_login(User.objects.get(username="alice"))
    return client.post("/accounts/2fa/reauthenticate/", {"code": entered}).status_code == 302


ENTRY_POINTS = [by_page, by_api, by_asking_again]


@pytest.mark.parametrize("enter", ENTRY_POINTS)
def test_without_redis_a_right_code_is_accepted_once(
    careful: User, settings: Settings, tmp_path: object, enter: Callable[[str], bool]
) -> None:
    settings.DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = False
    redis_use(f"unix://{tmp_path}/nobody.sock", settings)

    assert enter(code())
    assert not enter(code())


@pytest.mark.parametrize("enter", ENTRY_POINTS)
def test_a_code_used_at_one_entry_point_works_at_no_other(careful: User, enter: Callable[[str], bool]) -> None:
    assert enter(code())

    assert not any(other(code()) for other in ENTRY_POINTS)


@pytest.mark.parametrize("enter", ENTRY_POINTS)
def test_a_recovery_code_works_once(careful: User, enter: Callable[[str], bool]) -> None:
    factor = Authenticator.objects.get(user=careful, type="recovery_codes")
    first, second = factor.wrap().get_unused_codes()[:2]

    assert enter(first)
    assert not enter(first)
    assert enter(second)
    event = SecurityEvent.objects.filter(kind=SecurityEventKind.RECOVERY_CODE_USED).latest("id")
    assert event.detail == {"left": 8}
    told = [message for message in mail.outbox if message.subject == "A recovery code was used"]
    assert len(told) == 2
    assert "8 of them are left." in str(told[-1].body)


def test_wrong_codes_have_a_budget_of_their_own_shared_by_all_entry_points(careful: User) -> None:
    for enter in (by_page, by_api, by_page, by_api, by_asking_again):
        assert not enter("000000")

    response = Api().post("/auth/login", {"username": "alice", "password": PASSWORD, "otp": code()})
    assert_problem(response, "rate_limited", 429)
    assert 1 <= int(response["Retry-After"]) <= 720
    # The password's budget is untouched.
    assert Api().post("/auth/login", {"username": "alice", "password": "wrong"}).status_code == 401


def test_a_known_browser_can_enter_its_code_while_somebody_guesses(
    careful: User, clock: time_machine.Traveller
) -> None:
    client = Client()
    for _ in range(2):
        client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        assert client.post("/accounts/2fa/authenticate/", {"code": code()}).status_code == 302
        client.post("/accounts/logout/")
        clock.shift(60)
        for _ in range(QUOTA + 1):
            by_api("000000")


def test_a_guesser_who_knows_the_password_is_told_to_the_owner(careful: User) -> None:
    for _ in range(QUOTA + 1):
        by_api("000000")

    told = [message for message in mail.outbox if message.subject.startswith("Someone")]
    assert len(told) == 1
    assert "They know your password" in str(told[0].body)
    with pytest.raises(WalletError) as refused:
        second_factor_check(user=careful, code=code(), request=None)
    assert refused.value.code == ErrorCode.RATE_LIMITED


def test_a_new_authenticator_app_may_show_the_code_of_the_step_before(alice: User, client: Client) -> None:
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    client.post("/accounts/reauthenticate/?next=/accounts/2fa/totp/activate/", {"password": PASSWORD})
    client.get("/accounts/2fa/totp/activate/")
    secret = client.session["mfa.totp.secret"]
    before = format_hotp_value(hotp_value(secret, int(time.time()) // 30 - 1))

    client.post("/accounts/2fa/totp/activate/", {"code": before})

    assert Authenticator.objects.filter(user=alice, type="totp").exists()


def lock(user: User) -> None:
    account_lock(user_id=user.pk, via="page")


def change_password(user: User) -> None:
    user.set_password("another good phrase")
    user.save()


@pytest.mark.parametrize("happens", [lock, change_password])
def test_a_sign_in_does_not_outlive_what_happens_while_its_code_is_entered(
    careful: User, client: Client, happens: Callable[[User], None]
) -> None:
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    happens(careful)

    response = client.post("/accounts/2fa/authenticate/", {"code": code()})

    assert response["Location"] == "/accounts/login/"
    assert client.get("/settings/").status_code == 302
    assert not SecurityEvent.objects.filter(kind=SecurityEventKind.SIGNED_IN).exists()


def test_staff_who_remove_the_only_factor_leave_no_recovery_codes(careful: User, bob: User) -> None:
    """The owner has lost them with the phone, and is asked for the password before setting up a new factor."""
    staff_factor_remove(actor=bob, factor=Authenticator.objects.get(user=careful, type="totp"), reason="lost phone")

    assert not Authenticator.objects.filter(user=careful).exists()
    browser = Client()
    browser.post("/accounts/login/", {"login": careful.username, "password": PASSWORD})
    assert "password" in fields_of(browser.get("/accounts/reauthenticate/"))
