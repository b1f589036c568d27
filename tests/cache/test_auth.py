"""Authentication takes no query, and a user or token that loses access is refused from the next request on."""

import json
import re
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from kit.cache.protocol import cache_read
from tests.api.client import Api, Person, assert_problem, json_of
from tests.cache.readers import no_queries, with_session, with_token
from tests.pages.kit import fill
from tests.people import PASSWORD
from tests.staff import browser_of
from wallets.auth.access import token_find
from wallets.cache_names import token_name
from wallets.domain.mandates import Mandate, Scope
from wallets.models import ApiToken, User
from wallets.models.sessions import BrowserSession
from wallets.services import user_fence
from wallets.tokens.services import token_issue

pytestmark = pytest.mark.usefixtures("trusted_cache")

NEW_PASSWORD = "a completely different horse"
TWICE = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}


def warm(*people: Person) -> None:
    """Signs everybody in and caches what that needs."""
    for someone in people:
        assert someone.api.get("/wallets").status_code == 200
        with no_queries():
            assert someone.api.get("/wallets").status_code == 200


def assert_out(someone: Person) -> None:
    assert_problem(someone.api.get("/wallets"), "not_authenticated", 401)


def assert_in(someone: Person) -> None:
    assert someone.api.get("/wallets").status_code == 200


def signed_in(user: User, password: str = PASSWORD) -> Person:
    """A user who has logged in with a password in the form."""
    client = Client()
    assert fill(client, "/accounts/login/", login=user.username, password=password).status_code == 302
    return Person(user=user, wallet=user.wallets.get(currency="USD"), api=Api(client=client))


def test_logging_out_with_a_token_ends_this_token_only(alice: User) -> None:
    phone, laptop, browser = with_token(alice), with_token(alice), with_session(alice)
    warm(phone, laptop, browser)

    assert phone.api.post("/auth/logout").status_code == 204

    assert_out(phone)
    assert_in(laptop)
    assert_in(browser)


def test_logging_out_in_a_browser_ends_this_session_only(alice: User) -> None:
    here, there, phone = signed_in(alice), signed_in(alice), with_token(alice)
    warm(here, there, phone)
    key = here.api.client.cookies["sessionid"].value

    here.api.client.post("/accounts/logout/")

    # The browser has deleted its cookie, but somebody may have copied it.
    here.api.client.cookies["sessionid"] = key
    assert_out(here)
    assert_in(there)
    assert_in(phone)


def test_a_token_revoked_on_the_page_is_refused(alice: User) -> None:
    phone, browser = with_token(alice), with_session(alice)
    warm(phone)

    browser.api.client.post("/tokens/revoke/", {"digest": ApiToken.objects.get().digest}, headers=_csrf(browser))

    assert_out(phone)


def test_a_token_revoked_by_staff_is_refused(alice: User, bob: User) -> None:
    phone, desk = with_token(alice), _superuser(bob)
    warm(phone)
    token = ApiToken.objects.get()

    chosen = {"action": "revoke", "_selected_action": [token.pk], "reason": "Asked by phone"}
    desk.post("/admin/wallets/apitoken/", chosen)

    assert_out(phone)


def test_an_expired_token_is_refused_although_it_is_cached(alice: User) -> None:
    token, secret = token_issue(user=alice, name="phone")
    # Within the time for which a cached token is accepted.
    token.expiry = timezone.now() + timedelta(minutes=2)
    token.save()
    phone = Person(user=alice, wallet=alice.wallets.get(), api=Api(token=secret))
    warm(phone)

    with time_machine.travel(token.expiry - timedelta(seconds=1), tick=False), no_queries():
        assert_in(phone)
    with time_machine.travel(token.expiry, tick=False):
        assert_out(phone)


def test_an_expired_session_is_refused_although_it_is_cached(alice: User, settings: Settings) -> None:
    browser = with_session(alice)
    # Within the time for which a cached session is accepted.
    signed_in_at = timezone.now() - timedelta(seconds=settings.SESSION_ABSOLUTE_S) + timedelta(minutes=2)
    BrowserSession.objects.update(signed_in_at=signed_in_at)
    warm(browser)

    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False), no_queries():
        assert_in(browser)
    with time_machine.travel(timezone.now() + timedelta(minutes=3), tick=False):
        assert_out(browser)


def test_a_changed_password_ends_every_token_and_every_other_browser(alice: User) -> None:
    here, there, phone = signed_in(alice), signed_in(alice), with_token(alice)
    warm(here, there, phone)

    changed = fill(here.api.client, "/accounts/password/change/", oldpassword=PASSWORD, **TWICE)
    assert changed.status_code == 302

    assert_in(here)
    assert_out(there)
    assert_out(phone)
    warm(signed_in(alice, NEW_PASSWORD), here)


def test_a_reset_password_ends_every_token_and_every_browser(alice: User) -> None:
    here, phone = signed_in(alice), with_token(alice)
    warm(here, phone)
    visitor = Client()
    fill(visitor, "/accounts/password/reset/", email="alice@example.com")
    link = re.search(r"http://testserver(\S+)", str(mail.outbox[-1].body))
    assert link

    assert fill(visitor, visitor.get(link[1])["Location"], **TWICE).status_code == 302

    assert_out(here)
    assert_out(phone)
    warm(signed_in(alice, NEW_PASSWORD))


def test_a_password_set_by_an_operator_ends_every_token_and_every_browser(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, phone = signed_in(alice), with_token(alice)
    warm(browser, phone)
    monkeypatch.setattr("getpass.getpass", lambda prompt: NEW_PASSWORD)

    call_command("changepassword", "alice", stdout=StringIO())

    assert_out(browser)
    assert_out(phone)
    warm(signed_in(alice, NEW_PASSWORD))


def test_a_deactivated_user_is_refused_at_once_and_gets_no_token_or_session_back(alice: User, bob: User) -> None:
    phone, browser, desk = with_token(alice), with_session(alice), _superuser(bob)
    warm(phone, browser)
    assert browser.api.client.get("/settings/").status_code == 200
    page = f"/admin/wallets/user/{alice.pk}/change/"
    inline = {"wallets-TOTAL_FORMS": "0", "wallets-INITIAL_FORMS": "0", "reason": "Asked by phone"}

    desk.post(page, inline)
    assert_out(phone)
    assert_out(browser)
    assert browser.api.client.get("/settings/").status_code == 302

    desk.post(page, {**inline, "is_active": "on"})
    assert_out(phone)
    assert_out(browser)
    assert_in(with_token(alice))
    assert_in(signed_in(alice))


def test_activation_ends_what_a_deactivation_by_an_earlier_release_has_left(alice: User, bob: User) -> None:
    phone, browser, desk = with_token(alice), with_session(alice), _superuser(bob)
    warm(phone, browser)
    with transaction.atomic():
        User.objects.filter(pk=alice.pk).update(is_active=False)
        user_fence(user_id=alice.pk)
    assert_out(phone)
    inline = {"wallets-TOTAL_FORMS": "0", "wallets-INITIAL_FORMS": "0", "reason": "Asked by phone"}

    desk.post(f"/admin/wallets/user/{alice.pk}/change/", {**inline, "is_active": "on"})

    assert User.objects.get(pk=alice.pk).is_active
    assert_out(phone)
    assert_out(browser)


def test_a_password_that_is_rehashed_at_login_lets_the_browser_in(alice: User, settings: Settings) -> None:
    """This happens after an upgrade of Django that raises the cost of the hash."""
    there = signed_in(alice)
    warm(there)
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]

    here = signed_in(alice)

    warm(here)
    # Django treats the new hash like a new password, so sessions opened with the old one have to log in again.
    assert_out(there)


def test_revoked_rights_are_gone_at_once(alice: User, bob: User) -> None:
    clerk, desk = _superuser(alice), _superuser(bob)
    assert clerk.get("/admin/").status_code == 200
    inline = {"wallets-TOTAL_FORMS": "0", "wallets-INITIAL_FORMS": "0"}

    desk.post(f"/admin/wallets/user/{alice.pk}/change/", {**inline, "is_active": "on", "reason": "Asked by phone"})

    assert clerk.get("/admin/").status_code != 200


@pytest.mark.parametrize("token", ["unknown", "f" * 64])
def test_an_unknown_token_is_never_cached_as_valid(alice: User, token: str) -> None:
    for _ in range(2):
        assert_problem(Api(token=token).get("/wallets"), "not_authenticated", 401)


def test_a_flushed_session_is_refused(alice: User) -> None:
    browser = with_session(alice)
    warm(browser)
    session = browser.api.client.session

    session.flush()

    assert_out(browser)


def test_data_stored_in_a_session_is_there_in_the_next_request(alice: User) -> None:
    browser = with_session(alice).api.client
    for number in range(3):
        session = browser.session
        session["number"] = number
        session.save()
        with no_queries():
            browser.session  # noqa: B018 - creates a store without reading it
        assert browser.session["number"] == number


def test_the_account_shows_its_current_address(alice: User) -> None:
    phone = with_token(alice)
    assert json_of(phone.api.get("/me"))["email"] == "alice@example.com"

    User.objects.filter(pk=alice.pk).update(email="new@example.com")

    assert json_of(phone.api.get("/me"))["email"] == "new@example.com"


def _csrf(someone: Person) -> dict[str, str]:
    someone.api.client.get("/accounts/password/change/")
    return {"X-CSRFToken": someone.api.client.cookies["csrftoken"].value}


def _superuser(user: User) -> Client:
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    user.refresh_from_db()
    return browser_of(user)


def test_a_cached_token_of_an_older_release_counts_as_a_miss(alice: User) -> None:
    token, _ = token_issue(user=alice, name="reader", scopes=[Scope.READ])
    name = token_name(token.digest)
    old = json.dumps({"expiry": None, "user": {"id": alice.pk}}).encode()
    assert cache_read(name, load=lambda: old) == old

    bearer = token_find(digest=token.digest)

    assert bearer is not None
    assert bearer.mandate == Mandate(scopes=frozenset({Scope.READ}))
