"""The page "Devices and sessions": where the user is logged in, and logging out there."""

import time
from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.http import HttpResponse
from django.test import Client

from tests.pages.kit import fill, read, reauthenticated, text_of
from tests.people import PASSWORD
from wallets.models import User
from wallets.models.security import SecurityEvent
from wallets.models.sessions import BrowserSession

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
    "Mobile/15E148 Safari/604.1"
)
SECRET = "JBSWY3DPEHPK3PXP"
PAGE = "/accounts/sessions/"


def browser_at(user: User, agent: str, address: str) -> Client:
    """A browser in which this user has logged in with the form."""
    client = Client(headers={"User-Agent": agent}, REMOTE_ADDR=address)
    assert fill(client, "/accounts/login/", login=user.username, password=PASSWORD).status_code == 302
    return client


def session_at(address: str) -> BrowserSession:
    return BrowserSession.objects.get(address=address)


def is_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


def test_it_lists_this_device_first_and_says_where_and_when(alice: User, bob: User) -> None:
    laptop, _ = browser_at(alice, FIREFOX, "192.0.2.1"), browser_at(alice, SAFARI, "192.0.2.2")
    browser_at(bob, SAFARI, "192.0.2.3")

    page = read(laptop, PAGE)

    here, others = page.split("Other devices", 1)
    assert [word in here for word in ("Firefox on Windows", "192.0.2.1", "This device", "Safari")] == [True] * 3 + [
        False
    ]
    assert [word in others for word in ("Safari on iPhone", "192.0.2.2", "Active now", "Firefox")] == [True] * 3 + [
        False
    ]
    assert "192.0.2.3" not in page
    assert all(session.key_hash not in page for session in BrowserSession.objects.all())


def test_it_logs_one_device_out_and_records_it(alice: User) -> None:
    laptop, phone, tablet = (browser_at(alice, SAFARI, f"192.0.2.{number}") for number in (1, 2, 3))

    answer = laptop.post(f"{PAGE}end/", {"session": session_at("192.0.2.2").pk}, follow=True)

    assert "Logged out: Safari on iPhone." in answer.content.decode()
    assert (is_in(laptop), is_in(phone), is_in(tablet)) == (True, False, True)
    event = SecurityEvent.objects.get(kind="session_ended")
    assert (event.user_id, event.detail) == (alice.pk, {"name": "Safari on iPhone"})
    activity = read(laptop, "/accounts/security/")
    assert "Logged out another device" in activity


def test_logging_out_a_device_twice_is_no_error_and_recorded_once(alice: User) -> None:
    laptop, _ = browser_at(alice, FIREFOX, "192.0.2.1"), browser_at(alice, SAFARI, "192.0.2.2")
    session = session_at("192.0.2.2")
    laptop.post(f"{PAGE}end/", {"session": session.pk})

    answer = laptop.post(f"{PAGE}end/", {"session": session.pk}, follow=True)

    assert "That device is logged out already." in answer.content.decode()
    assert SecurityEvent.objects.filter(kind="session_ended").count() == 1


def test_nobody_logs_out_somebody_elses_device(alice: User, bob: User) -> None:
    laptop, bobs = browser_at(alice, FIREFOX, "192.0.2.1"), browser_at(bob, SAFARI, "192.0.2.2")

    for posted in (str(session_at("192.0.2.2").pk), "", "x", "9" * 30, "\u0661"):
        assert laptop.post(f"{PAGE}end/", {"session": posted}).status_code == 302

    assert is_in(bobs)
    assert not SecurityEvent.objects.filter(kind="session_ended").exists()


def test_it_logs_all_other_devices_out_and_leads_to_the_tokens(alice: User, bob: User) -> None:
    laptop, phone, tablet = (browser_at(alice, SAFARI, f"192.0.2.{number}") for number in (1, 2, 3))
    bobs = browser_at(bob, FIREFOX, "192.0.2.4")

    answer = laptop.post(f"{PAGE}end-others/", follow=True).content.decode()

    assert "All other devices are logged out." in answer
    assert "You are logged in nowhere else." in answer
    assert 'href="/tokens/"' in answer
    assert (is_in(laptop), is_in(phone), is_in(tablet), is_in(bobs)) == (True, False, False, True)
    assert SecurityEvent.objects.get(kind="session_ended").detail == {"name": "2 devices"}


def test_it_needs_a_login_and_a_form_of_ours(alice: User) -> None:
    assert Client().get(PAGE)["Location"] == f"/accounts/login/?next={PAGE}"
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(f"{PAGE}end-others/").status_code == 403


def test_settings_and_activity_lead_to_it(alice: User) -> None:
    client = browser_at(alice, FIREFOX, "192.0.2.1")
    for path in ("/settings/", "/accounts/security/"):
        assert f'href="{PAGE}"' in read(client, path)


OFFER = "Log out other devices"


def app_added(client: Client, user: User) -> HttpResponse:
    reauthenticated(client)
    client.get("/accounts/2fa/totp/activate/")
    code = format_hotp_value(hotp_value(client.session["mfa.totp.secret"], int(time.time()) // 30))
    return client.post("/accounts/2fa/totp/activate/", {"code": code}, follow=True)  # type: ignore[return-value]


def app_removed(client: Client, user: User) -> HttpResponse:
    reauthenticated(client)
    TOTP.activate(user, SECRET)
    return client.post("/accounts/2fa/totp/deactivate/", follow=True)  # type: ignore[return-value]


def codes_made(client: Client, user: User) -> HttpResponse:
    reauthenticated(client)
    TOTP.activate(user, SECRET)
    return client.post("/accounts/2fa/recovery-codes/generate/", follow=True)  # type: ignore[return-value]


@pytest.mark.parametrize("change", [app_added, app_removed, codes_made])
def test_after_a_change_of_second_factors_it_offers_to_log_out_other_devices(
    alice: User, change: Callable[[Client, User], HttpResponse]
) -> None:
    laptop, phone = (browser_at(alice, SAFARI, f"192.0.2.{number}") for number in (1, 2))

    page = text_of(change(laptop, alice))

    assert "You are logged in on another device" in " ".join(page.split())
    assert f'action="{PAGE}end-others/"' in page
    assert OFFER in page
    laptop.post(f"{PAGE}end-others/")
    assert (is_in(laptop), is_in(phone)) == (True, False)


def test_without_other_devices_it_offers_nothing(alice: User) -> None:
    laptop = browser_at(alice, SAFARI, "192.0.2.1")
    assert OFFER not in read(laptop, "/accounts/2fa/")
