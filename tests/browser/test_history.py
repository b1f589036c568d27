"""The history with htmx: only parts are replaced, and the browser's own functions still work."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.pages.kit import give, wallet_of
from transactions.services import withdrawal_create
from wallets.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_older_entries_are_added_below(visit: Visit, alice: User) -> None:
    for amount in range(1, 36):
        give(alice, amount * 100)
    person = visit("alice")
    person.logs_in()
    person.opens("/history/")
    rows = person.page.locator("a.move")
    expect(rows).to_have_count(30)
    person.page.evaluate("window.stayed = true")
    person.tabs_to("Show older")
    person.page.keyboard.press("Enter")
    expect(rows).to_have_count(35)
    person.reads("No older transactions.")
    # The focus is where the link was, so that the next Tab does not start at the top.
    assert person.focus() == "No older transactions."
    assert person.page.evaluate("window.stayed")
    assert person.page.locator(".day-name").count() == 1


def test_filters_apply_at_once_and_back_removes_them(visit: Visit, alice: User) -> None:
    give(alice, 5_000)
    withdrawal_create(actor=alice, wallet_id=wallet_of(alice).id, amount=700)
    person = visit("alice")
    person.logs_in()
    person.opens("/history/")
    rows = person.page.locator("a.move")
    expect(rows).to_have_count(2)
    person.page.get_by_text("Money out").click()
    expect(rows).to_have_count(1)
    assert "direction=out" in person.page.url
    person.page.reload()
    expect(rows).to_have_count(1)
    person.page.go_back()
    expect(rows).to_have_count(2)


def test_filters_work_without_javascript(visit: Visit, alice: User) -> None:
    give(alice, 5_000)
    withdrawal_create(actor=alice, wallet_id=wallet_of(alice).id, amount=700)
    person = visit("alice", javascript=False)
    person.logs_in()
    person.opens("/history/")
    person.page.get_by_text("Money in").click()
    person.presses("Apply")
    expect(person.page.locator("a.move")).to_have_count(1)
    assert "direction=in" in person.page.url


def test_an_invalid_filter_shows_an_error(visit: Visit, alice: User) -> None:
    person = visit("alice")
    person.logs_in()
    person.opens("/history/?since=2030-01-02")
    person.fills("To", "2030-01-01")
    person.reads("Choose a date that is not before")


def test_a_session_that_has_ended_leads_to_the_login(visit: Visit, alice: User) -> None:
    give(alice, 5_000)
    person = visit("alice")
    person.logs_in()
    person.opens("/history/")
    person.page.context.clear_cookies()
    person.page.get_by_text("Money in").click()
    expect(person.page.get_by_role("heading", name="Welcome back")).to_be_visible()
    assert "/accounts/login/" in person.page.url


def test_times_are_in_the_users_time_zone_after_the_first_page(visit: Visit, alice: User) -> None:
    person = visit("alice")
    person.logs_in()
    cookies = {cookie.get("name"): cookie.get("value") for cookie in person.page.context.cookies()}
    assert cookies["timezone"] == person.page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
