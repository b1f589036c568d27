"""Browsers' sessions: how long they last, what keeps them alive, and what ends them."""

import base64
import hashlib
import time
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.apps import apps
from django.conf import settings as site_settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.core import signing
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.cache.readers import no_queries
from tests.database import acting_as, acting_as_superuser
from tests.pages.kit import fill, submitted, text_of
from tests.people import PASSWORD, deposit, wallet_of
from wallet_project.embedded import WEB_ROLE
from wallets.auth.sessions.devices import sessions_end_others
from wallets.auth.sessions.engine import SEEN_EVERY, SessionStore
from wallets.auth.sessions.middleware import _breaker
from wallets.domain.user_agents import browser_words
from wallets.models import User
from wallets.models.sessions import BrowserSession

SECRET = "JBSWY3DPEHPK3PXP"
ALMOST = timedelta(minutes=1)
#: The database takes the time of a login from the beginning of its transaction.
A_MOMENT = timedelta(seconds=10)


def browser_in(user: User, *, seen: timedelta = timedelta(0), since: timedelta = timedelta(0)) -> Client:
    """A browser in which the user logged in `since` ago, and was last seen `seen` ago."""
    client = Client()
    client.force_login(user)
    now = timezone.now()
    # Not by `save`, which would make the session seen now.
    key = client.cookies["sessionid"].value
    rows = BrowserSession.objects.filter(key_hash=hashlib.sha256(key.encode()).hexdigest())
    assert rows.update(last_seen_at=now - seen, signed_in_at=now - since - A_MOMENT) == 1
    return client


def is_in(client: Client) -> bool:
    return client.get("/wallets/").status_code == 200


def seen_ago() -> timedelta:
    return timezone.now() - BrowserSession.objects.get().last_seen_at


LIFETIMES = pytest.mark.parametrize(
    ("is_staff", "idle", "absolute"),
    [(False, timedelta(days=7), timedelta(days=30)), (True, timedelta(hours=1), timedelta(hours=12))],
    ids=["users", "staff"],
)


@LIFETIMES
def test_a_session_ends_without_activity(is_staff: bool, idle: timedelta, absolute: timedelta, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=is_staff)
    assert is_in(browser_in(alice, seen=idle - ALMOST))
    assert not is_in(browser_in(alice, seen=idle))


@LIFETIMES
def test_a_session_that_is_in_use_ends_all_the_same(
    is_staff: bool, idle: timedelta, absolute: timedelta, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=is_staff)
    assert is_in(browser_in(alice, since=absolute - ALMOST))
    assert not is_in(browser_in(alice, since=absolute))


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ({"seen": timedelta(days=7)}, "You were logged out after 7 days without activity."),
        ({"since": timedelta(days=30)}, "You were logged out because your last login was 30 days ago."),
    ],
)
def test_the_login_page_says_why_and_leads_back(times: dict[str, timedelta], sentence: str, alice: User) -> None:
    client = browser_in(alice, **times)

    answer = client.get("/wallets/", follow=True)

    assert answer.redirect_chain == [("/accounts/login/?next=/wallets/", 302)]
    assert sentence in text_of(answer)
    assert sentence not in text_of(client.get("/accounts/login/"))
    assert fill(client, "/accounts/login/?next=/wallets/", login="alice", password=PASSWORD)["Location"] == "/wallets/"


def test_use_is_noted_but_not_with_every_request(alice: User) -> None:
    client = browser_in(alice, seen=SEEN_EVERY - timedelta(seconds=30))
    assert is_in(client)
    assert seen_ago() > timedelta(minutes=1)

    client = browser_in(alice, seen=timedelta(days=6))
    BrowserSession.objects.exclude(last_seen_at__lt=timezone.now() - timedelta(days=1)).delete()
    client.get("/wallets/", headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"})

    assert seen_ago() < timedelta(minutes=1)
    session = BrowserSession.objects.get()
    assert (session.browser, session.address) == ("Firefox on Linux", "127.0.0.1")


@pytest.mark.usefixtures("trusted_cache")
def test_after_use_is_noted_a_read_takes_no_query(alice: User) -> None:
    client = browser_in(alice, seen=timedelta(days=6))
    for _ in range(2):
        assert is_in(client)

    with no_queries():
        assert is_in(client)


def test_a_page_that_refreshes_itself_does_not_keep_the_session_alive(alice: User, bob: User) -> None:
    deposit(wallet_of(alice), 10_000)
    receipt = submitted(alice)
    client = browser_in(alice, seen=timedelta(days=6))

    htmx = {"HX-Request": "true"}
    assert client.get("/live/", headers=htmx).status_code == 200
    assert client.get(f"{receipt}?look=1", headers=htmx).status_code == 200
    assert seen_ago() > timedelta(days=5)

    assert client.get(receipt).status_code == 200
    assert seen_ago() < timedelta(minutes=1)


def test_a_page_is_shown_although_its_use_cannot_be_noted(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(store: SessionStore) -> None:
        raise DatabaseError

    client = browser_in(alice)
    monkeypatch.setattr(SessionStore, "touch", away)
    assert is_in(client)
    _breaker.succeeded()


def test_logging_in_changes_the_key(alice: User) -> None:
    """So whoever planted a key in the browser before does not get in with it."""
    client = Client()
    store = SessionStore()
    store["draft"] = "x"
    store.save()
    planted = store.session_key or ""
    client.cookies["sessionid"] = planted

    fill(client, "/accounts/login/", login="alice", password=PASSWORD)

    assert is_in(client)
    assert client.cookies["sessionid"].value != planted
    client.cookies["sessionid"] = planted
    assert not is_in(client)


def test_no_stored_value_is_a_key(alice: User) -> None:
    client = browser_in(alice)
    key = client.cookies["sessionid"].value

    (row,) = BrowserSession.objects.values()

    assert key not in str(row)
    client.cookies["sessionid"] = row["key_hash"]
    assert not is_in(client)


def test_what_a_session_contains_cannot_be_read_in_the_database(alice: User) -> None:
    client = browser_in(alice)
    session = client.session
    session["secret"] = "JBSWY3DPEHPK3PXP"
    session.save()

    assert b"JBSWY3" not in base64.urlsafe_b64decode(BrowserSession.objects.get().data.rpartition(":")[2])
    assert client.session["secret"] == "JBSWY3DPEHPK3PXP"


def test_contents_of_another_session_do_not_open(alice: User) -> None:
    """So nobody who writes to the table gives a session the state of another one of the same user."""
    here, there = browser_in(alice), browser_in(alice)
    first, second = BrowserSession.objects.order_by("pk")
    BrowserSession.objects.filter(pk=first.pk).update(data=second.data)

    assert not is_in(here)
    assert is_in(there)


@pytest.mark.parametrize("data", ["", "sealed:1:", "sealed:1:ä", "sealed:1:AAAA", "sealed:1:" + "A" * 80])
def test_contents_that_nobody_sealed_do_not_open(data: str, alice: User) -> None:
    key = browser_in(alice).cookies["sessionid"].value
    assert SessionStore(key).decode(data) == {}


def test_postgres_stores_no_contents_that_can_be_read(alice: User) -> None:
    browser_in(alice)
    with pytest.raises(IntegrityError, match="browsersession_data_is_sealed"), transaction.atomic():
        BrowserSession.objects.update(data=signing.dumps({SESSION_KEY: str(alice.pk)}))


def test_a_new_secret_key_opens_what_the_old_one_sealed_and_seals_anew(alice: User, settings: Settings) -> None:
    client = browser_in(alice)
    session = client.session
    session["number"] = 1
    session.save()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-0kX9uT3vQw7yZ1aB5cD8eF0gH2iJ4kL6"

    session = client.session
    assert session["number"] == 1
    session.save()
    settings.SECRET_KEY_FALLBACKS = []

    assert client.session["number"] == 1


def test_a_new_key_does_not_begin_the_absolute_lifetime_anew(alice: User) -> None:
    client = browser_in(alice, since=timedelta(days=29))
    new = {"password1": "a completely different horse", "password2": "a completely different horse"}
    old_key = client.cookies["sessionid"].value

    assert fill(client, "/accounts/password/change/", oldpassword=PASSWORD, **new).status_code == 302

    assert is_in(client)
    assert client.cookies["sessionid"].value != old_key
    assert timezone.now() - (BrowserSession.objects.get().signed_in_at or timezone.now()) > timedelta(days=28)


def _password_again(client: Client, user: User) -> None:
    assert fill(client, "/accounts/reauthenticate/", password=PASSWORD).status_code == 302


def _code_again(client: Client, user: User) -> None:
    TOTP.activate(user, SECRET)
    code = format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))
    assert client.post("/accounts/2fa/reauthenticate/", {"code": code}).status_code == 302


@pytest.mark.parametrize("again", [_password_again, _code_again], ids=["password", "code"])
def test_confirming_who_is_there_gives_the_session_a_new_key(
    again: Callable[[Client, User], None], alice: User
) -> None:
    client = browser_in(alice, since=timedelta(days=29))
    session = client.session
    session["draft"] = "x"
    session.save()
    thief = Client()
    thief.cookies["sessionid"] = old_key = client.cookies["sessionid"].value
    assert is_in(thief)

    again(client, alice)

    assert client.cookies["sessionid"].value != old_key
    assert is_in(client)
    assert not is_in(thief)
    assert client.session["draft"] == "x"
    assert timezone.now() - (BrowserSession.objects.get().signed_in_at or timezone.now()) > timedelta(days=28)


def test_a_process_without_books_gives_new_keys_as_well(alice: User) -> None:
    client = browser_in(alice)
    old_key = client.cookies["sessionid"].value

    with acting_as(WEB_ROLE):
        _password_again(client, alice)

    assert client.cookies["sessionid"].value != old_key
    assert is_in(client)


def test_a_request_of_another_tab_that_comes_late_does_not_log_the_browser_out(alice: User) -> None:
    client, late = browser_in(alice), Client()
    late.cookies["sessionid"] = client.cookies["sessionid"].value
    _password_again(client, alice)

    # It was sent with the old key. The browser applies what its answer says to the cookie of both tabs.
    answer = late.get("/live/", headers={"HX-Request": "true"})

    assert "sessionid" not in answer.cookies


def test_a_confirmation_that_ends_in_an_error_leaves_the_browser_its_key(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    client = browser_in(alice)
    client.raise_request_exception = False
    monkeypatch.setattr("allauth.account.internal.flows.reauthentication.resume_request", broken)

    answer = client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    assert answer.status_code == 500
    assert is_in(client)


def test_a_session_that_was_ended_does_not_come_back_with_a_new_key(alice: User) -> None:
    key = browser_in(alice).cookies["sessionid"].value
    store = SessionStore(key)
    assert store[SESSION_KEY] == str(alice.pk)

    sessions_end_others(user=alice, current=None)

    with pytest.raises(SessionInterrupted):
        store.cycle_key()
    assert not BrowserSession.objects.exists()


def test_a_session_whose_row_names_nobody_is_refused(alice: User) -> None:
    """It would be missing in the list, and last as long as a visitor's."""
    client = browser_in(alice)
    with acting_as_superuser():
        BrowserSession.objects.all().delete()
        data = SessionStore(client.cookies["sessionid"].value).encode({SESSION_KEY: str(alice.pk)})
        name = hashlib.sha256(client.cookies["sessionid"].value.encode()).hexdigest()
        BrowserSession.objects.create(key_hash=name, data=data, last_seen_at=timezone.now())
    assert SessionStore(client.cookies["sessionid"].value).get(SESSION_KEY) is None


def _password_changed(client: Client) -> None:
    new = {"password1": "a completely different horse", "password2": "a completely different horse"}
    assert fill(client, "/accounts/password/change/", oldpassword=PASSWORD, **new).status_code == 302


@pytest.mark.parametrize(
    ("change", "left"),
    [(_password_changed, 1), (lambda client: client.post("/accounts/security/lock/"), 0)],
    ids=["password", "lock"],
)
def test_what_ends_sessions_leaves_none_in_the_list(change: Callable[[Client], object], left: int, alice: User) -> None:
    here, _, _ = (browser_in(alice) for _ in range(3))

    change(here)

    assert BrowserSession.objects.filter(user=alice).count() == left


def test_the_upgrade_keeps_users_logged_in_and_leaves_no_key(alice: User) -> None:
    client = browser_in(alice)
    contents = dict(client.session.items())
    migration: Any = import_module("wallets.migrations.0017_sessions")
    with acting_as_superuser():
        BrowserSession.objects.all().delete()
        old, expired, stranger = DjangosStore(), DjangosStore(), DjangosStore()
        old.update(contents)
        expired.update(contents)
        expired.set_expiry(-1)
        stranger["draft"] = "x"
        for store in (old, expired, stranger):
            store.save()
        migration.sessions_move(apps, None)
        assert not Session.objects.exists()

    client.cookies["sessionid"] = old.session_key or ""
    assert is_in(client)
    assert BrowserSession.objects.count() == 1


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 "
                "Safari/537.36 Edg/140.0.0.0"
            ),
            "Edge on Windows",
        ),
        (
            ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36"),
            "Chrome on Android",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
                "Version/18.0 Mobile/15E148 Safari/604.1"
            ),
            "Safari on iPhone",
        ),
        (
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/140.0.0.0 "
                "Safari/537.36 OPR/124.0.0.0"
            ),
            "Opera on macOS",
        ),
        ("something/1.0 (Linux)", "Unknown browser on Linux"),
        ("<script>alert(1)</script>", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_named_in_words(user_agent: str, words: str) -> None:
    assert browser_words(user_agent) == words


def test_the_cookie_lives_as_long_as_the_session_can() -> None:
    assert site_settings.SESSION_COOKIE_AGE == site_settings.SESSION_ABSOLUTE_S
