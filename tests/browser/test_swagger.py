"""Swagger UI in a real browser: it uses local files only, and obeys the Content-Security-Policy."""

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import Visit

#: Swagger UI renders a lot at once, which takes long on a busy machine.
DRAWN_MS = 45_000

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_swagger_ui_shows_the_operations_and_calls_no_other_site(visit: Visit, live_server: LiveServer) -> None:
    alice = visit("alice")
    alice.page.set_default_timeout(DRAWN_MS)
    elsewhere: list[str] = []
    alice.page.on("request", lambda request: elsewhere.append(request.url))

    alice.opens("/api/docs")
    alice.page.locator("#operations-Account-auth_register .opblock-summary-control").click()

    alice.reads("seven quiet lanterns")
    alice.reads("Send money to a user or a wallet")
    assert [url for url in elsewhere if not url.startswith((live_server.url, "data:"))] == []


def test_an_operation_can_be_tried_from_the_page(visit: Visit) -> None:
    alice = visit("alice")
    alice.page.set_default_timeout(DRAWN_MS)
    alice.opens("/api/docs")

    alice.page.locator("#operations-Account-auth_login .opblock-summary-control").click()
    alice.page.get_by_role("button", name="Try it out").click()
    alice.page.get_by_role("button", name="Execute").click()

    expect(alice.page.locator("tr.response .response-col_status").first).to_contain_text("401", timeout=DRAWN_MS)


def test_the_type_of_a_problem_links_to_its_error(visit: Visit) -> None:
    alice = visit("alice", width=360)

    alice.opens("/api/errors#wallet_frozen")

    expect(alice.page.locator("#wallet_frozen")).to_be_in_viewport()
    assert alice.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
