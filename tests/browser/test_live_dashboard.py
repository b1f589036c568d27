"""The dashboard in a real browser: it updates itself without disturbing its user."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.person import Person
from tests.browser.test_background_send import hide
from tests.pages.kit import give
from wallets.models import User
from wallets.services import wallet_open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIVE = re.compile("/live/")
PAUSE_MS = 5_000


def at_home(visit: Visit, name: str = "alice", **screen: bool) -> Person:
    """A user with the dashboard open. The test controls the page's clock, so the page polls when the test says so."""
    person = visit(name, **screen)
    person.logs_in()
    if screen.get("javascript", True):
        person.page.clock.install()
        person.opens("/")
        person.page.evaluate("window.stayed = true")
    return person


def looks(page: Page) -> int:
    """Lets one polling interval pass; returns the status of the answer."""
    with page.expect_response(LIVE) as answer:
        page.clock.run_for(PAUSE_MS)
    return answer.value.status


def test_money_that_arrives_is_shown_and_announced_and_nothing_else_changes(visit: Visit, alice: User) -> None:
    give(alice, 5_000)
    person = at_home(visit)
    news = person.page.locator("#overview-news")
    person.page.evaluate(
        """() => {
            window.touched = 0;
            new MutationObserver((all) => { window.touched += all.length; })
                .observe(document.querySelector("#main"), {childList: true, characterData: true, subtree: true});
        }"""
    )
    assert [looks(person.page), looks(person.page)] == [304, 304]
    assert person.page.evaluate("window.touched") == 0
    expect(news).to_be_empty()

    give(alice, 1_234, memo="Refund")

    assert looks(person.page) == 200
    expect(person.page.locator(".hero-balance")).to_have_text("$62.34")
    person.reads("Refund")
    expect(news).to_have_text("Balance: $62.34")
    expect(news).to_have_attribute("role", "status")
    assert person.page.evaluate("window.stayed")
    assert looks(person.page) == 304


@pytest.mark.parametrize("link", ["Add money", "Open another"])
def test_an_update_keeps_the_keyboard_focus(visit: Visit, alice: User, link: str) -> None:
    give(alice, 5_000)
    person = at_home(visit)
    person.tabs_to(link)
    give(alice, 100)

    assert looks(person.page) == 200

    expect(person.page.locator(".hero-balance")).to_have_text("$51.00")
    assert person.focus() == link


def test_a_hidden_page_does_not_poll_and_polls_at_once_when_it_is_visible(visit: Visit, alice: User) -> None:
    give(alice, 5_000)
    person = at_home(visit)
    hide(person.page, hidden=True)
    asked: list[str] = []
    person.page.on("request", lambda request: asked.append(request.url))
    person.page.clock.run_for(12 * PAUSE_MS)
    assert asked == []
    give(alice, 100)

    with person.page.expect_response(LIVE) as answer:
        hide(person.page, hidden=False)

    assert answer.value.status == 200
    expect(person.page.locator(".hero-balance")).to_have_text("$51.00")


def test_a_failed_poll_changes_nothing_and_the_next_one_follows(visit: Visit, alice: User) -> None:
    give(alice, 5_000)
    person = at_home(visit)
    person.page.route(LIVE, lambda route: route.fulfill(status=503, body="away"), times=1)
    assert looks(person.page) == 503
    expect(person.page.locator(".hero-balance")).to_have_text("$50.00")
    give(alice, 100)
    assert looks(person.page) == 200
    expect(person.page.locator(".hero-balance")).to_have_text("$51.00")
    assert person.page.evaluate("window.stayed")


def test_a_session_that_has_ended_leads_to_the_login(visit: Visit, alice: User) -> None:
    person = at_home(visit)
    person.page.context.clear_cookies()
    person.page.clock.run_for(PAUSE_MS)
    # Anonymous visitors may open the first page, too: it shows them the landing page.
    expect(person.page.get_by_role("link", name="Log in")).to_be_visible()


def test_choosing_another_wallet_after_the_session_has_ended_shows_the_landing_page(visit: Visit, alice: User) -> None:
    wallet_open(owner=alice, currency="EUR")
    person = at_home(visit)
    person.page.context.clear_cookies()
    person.page.get_by_role("navigation", name="Wallets").get_by_role("link", name="EUR").click()
    expect(person.page.get_by_role("link", name="Log in")).to_be_visible()


def test_after_choosing_another_wallet_the_page_polls_that_one(visit: Visit, alice: User) -> None:
    wallet_open(owner=alice, currency="EUR")
    give(alice, 5_000)
    person = at_home(visit)
    person.page.get_by_role("navigation", name="Wallets").get_by_role("link", name="EUR").click()
    expect(person.page.get_by_role("heading", name="EUR balance")).to_be_visible()
    give(alice, 700, currency="EUR")

    assert looks(person.page) == 200

    expect(person.page.locator(".hero-balance")).to_have_text("€7.00")
    assert person.page.evaluate("window.stayed")


def test_without_javascript_a_reload_shows_what_is_new(visit: Visit, alice: User) -> None:
    give(alice, 5_000)
    person = at_home(visit, javascript=False)
    person.opens("/")
    give(alice, 100)
    person.page.reload()
    expect(person.page.locator(".hero-balance")).to_have_text("$51.00")
