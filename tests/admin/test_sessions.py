"""Browsers' sessions in the admin: staff see where users are logged in, and log a user out everywhere."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.pages.kit import text_of
from tests.staff import browser_of
from wallets.models import User
from wallets.models.security import SecurityEvent
from wallets.models.sessions import BrowserSession

LIST = "/admin/wallets/browsersession/"


def browsers_of(user: User, count: int = 2) -> list[Client]:
    browsers = [Client() for _ in range(count)]
    for browser in browsers:
        browser.force_login(user)
    return browsers


def is_in(browser: Client) -> bool:
    return browser.get("/settings/").status_code == 200


def end(desk: Client, user: User, reason: str = "Asked by phone") -> str:
    ids = list(BrowserSession.objects.filter(user=user).values_list("pk", flat=True))
    chosen = {"action": "end_all", "_selected_action": ids, "reason": reason}
    return text_of(desk.post(LIST, chosen, follow=True))


def test_they_are_listed_and_found_without_what_they_contain(superuser: Client, alice: User, bob: User) -> None:
    browsers_of(alice)
    browsers_of(bob)
    (session, _) = BrowserSession.objects.filter(user=alice)

    pages = [superuser.get(LIST, {"q": "ali"}), superuser.get(f"{LIST}{session.pk}/change/")]

    assert {row.user for row in pages[0].context["cl"].result_list} == {alice}
    for page in pages:
        assert page.status_code == 200
        assert session.key_hash not in text_of(page)
        assert session.data not in text_of(page)


def test_a_user_is_logged_out_everywhere_for_a_reason(superuser: Client, alice: User, bob: User) -> None:
    browsers, (other,) = browsers_of(alice), browsers_of(bob, 1)

    end(superuser, alice)

    assert [is_in(browser) for browser in [*browsers, other]] == [False, False, True]
    event = SecurityEvent.objects.get(kind="session_ended")
    assert event.user_id == alice.pk
    assert event.detail == {"actor": "root", "reason": "Asked by phone", "name": "All browsers"}


def test_nobody_is_logged_out_without_a_reason(superuser: Client, alice: User) -> None:
    (browser,) = browsers_of(alice, 1)
    assert "Give a reason" in end(superuser, alice, reason=" ")
    assert is_in(browser)


def test_staff_do_not_log_themselves_out_here(superuser: Client, root: User) -> None:
    assert "It is not yours to remove." in end(superuser, root)
    assert is_in(superuser)


@pytest.mark.parametrize("path", ["add/", "{id}/delete/"])
def test_they_cannot_be_added_or_deleted(superuser: Client, alice: User, path: str) -> None:
    browsers_of(alice, 1)
    session = BrowserSession.objects.get(user=alice)
    assert superuser.post(LIST + path.format(id=session.pk), {"post": "yes"}).status_code == 403
    assert BrowserSession.objects.filter(pk=session.pk).exists()


def test_staff_who_may_only_view_log_nobody_out(staff_create: Callable[..., User], alice: User) -> None:
    (browser,) = browsers_of(alice, 1)
    clerk = browser_of(staff_create("clerk", "view_browsersession"))
    assert clerk.get(LIST).status_code == 200
    end(clerk, alice)
    assert is_in(browser)
