"""Swagger UI in a real browser: drawn from our own files, under our own Content-Security-Policy."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.api.client import Api
from tests.chromium import chromium_path

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield chromium.new_page()
        chromium.close()


def test_swagger_ui_shows_every_operation_and_breaks_no_rule(live_server: LiveServer, page: Page) -> None:
    complaints: list[str] = []

    def console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    def request(request: Request) -> None:
        if not request.url.startswith((live_server.url, "data:")):
            complaints.append(f"asked for {request.url}")

    page.on("console", console)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", request)

    page.goto(f"{live_server.url}/api/docs")

    paths = json.loads(Api().get("/api/schema").content)["paths"]
    expect(page.locator(".opblock")).to_have_count(sum(len(operations) for operations in paths.values()))
    page.locator("#operations-Account-auth_register .opblock-summary-control").click()
    expect(page.get_by_text("correct horse battery").first).to_be_visible()
    assert complaints == []


def test_an_operation_can_be_tried_from_the_page(live_server: LiveServer, page: Page) -> None:
    page.goto(f"{live_server.url}/api/docs")

    page.locator("#operations-Account-auth_login .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    live_answer = page.locator(".live-responses-table .response-col_status").first
    expect(live_answer).to_contain_text("401")
