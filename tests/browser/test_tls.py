"""Signing in over TLS: nginx in front, and cookies that only this host can set."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser, expect

from tests.browser.person import Person
from tests.front.proxy import Proxy
from tests.front.site import Site
from wallets.models import User

pytestmark = [pytest.mark.browser, pytest.mark.nginx, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def proxy(transactional_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("tls")
    site = Site(log=folder / "site.log", TRUSTED_PROXIES="1", HTTPS="1")
    proxy = Proxy(folder, site_port=site.wait_until_up().port)
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.stop()
        site.terminate()


def test_a_user_signs_in_over_tls_and_out_again(chromium: Browser, proxy: Proxy, alice: User) -> None:
    context = chromium.new_context(base_url=f"https://127.0.0.1:{proxy.tls_port}", ignore_https_errors=True)
    context.set_default_timeout(10_000)
    page = context.new_page()
    person = Person(name="alice", page=page)
    person.logs_in()
    # This nginx serves no scripts.
    page.evaluate((settings.BASE_DIR / "static" / "js" / "app.js").read_text())
    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    assert cookies.keys() >= {"__Host-sessionid", "__Host-csrftoken", "__Host-known-browser", "__Host-timezone"}
    assert all(cookie["secure"] and cookie["path"] == "/" for cookie in cookies.values())
    assert all(name.startswith("__Host-") for name in cookies)

    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out.")).to_be_visible()
    page.goto("/accounts/signup/")
    expect(page.get_by_text("You are logged out.")).to_have_count(0)
    page.go_back()
    page.go_back()
    # "Back" shows no page of the session that has ended.
    expect(page.get_by_role("heading", name="Home")).to_have_count(0)
    context.close()
