"""A real Chromium and the real site. A test fails if one of its pages logs an error or warning to the console."""

import os
from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests.browser.person import Person
from tests.chromium import chromium_path

TIMEOUT_MS = 10_000
# Chromium's sandbox does not work in containers. The other options stop its network calls to its vendor.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Visit = Callable[..., Person]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    # While Playwright's event loop runs, Django keeps this thread's connections separate from earlier ones. A process
    # that a later test forks has no event loop, so it would find the earlier connections and share them with others.
    connections.close_all()
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, and Django refuses queries in a thread with an event loop.
        # Queries are safe here, because nothing else runs in the loop during a test.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        path = chromium_path()
        assert path, "the browser tests are left out where there is no Chromium"
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, live_server: LiveServer, settings: Settings) -> Iterator[Visit]:
    """Opens a browser for a user: `visit("alice", width=360, javascript=False)`.

    Options: the size of the screen, whether scripts run, light or dark, and whether to go to `localhost`, under which
    name alone a site on this machine has passkeys.
    """
    # Links in mails lead there.
    settings.SITE_URL = live_server.url
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def at_a_screen(
        name: str,
        *,
        width: int = 1280,
        height: int = 900,
        javascript: bool = True,
        dark: bool = False,
        localhost: bool = False,
    ) -> Person:
        context = chromium.new_context(
            base_url=live_server.url.replace("127.0.0.1", "localhost") if localhost else live_server.url,
            viewport={"width": width, "height": height},
            java_script_enabled=javascript,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.extend(_complaint(message)))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return Person(name=name, page=page)

    yield at_a_screen
    for context in contexts:
        context.close()
    assert complaints == []


def _complaint(message: ConsoleMessage) -> Iterator[str]:
    """The errors and warnings in a page's console, which include all violations of the security policy."""
    # Not a 4xx answer to a form, nor a 503 answer to a poll: the browser logs these itself.
    answers = ("Failed to load resource", "Response Status Error Code 503")
    if message.type in {"error", "warning"} and not message.text.startswith(answers):
        yield f"{message.text} ({message.location.get('url')})"
