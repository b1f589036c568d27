"""The site below a path: links, forms, cookies, scripts, static files and the API's links stay there."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.person import Person
from tests.front.site import Site, body_of, exchange, get, request, status
from tests.pages.kit import balance_of, give
from tests.people import PASSWORD
from wallets.models import User
from wallets.tokens.services import token_issue

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PREFIX = "/money/wallet"


@pytest.fixture(scope="module")
def site(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(log=tmp_path_factory.mktemp("site") / "site.log", SCRIPT_NAME=PREFIX)
    try:
        yield site.wait_until_up()
    finally:
        site.terminate()


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    context = chromium.new_context(base_url=f"http://127.0.0.1:{site.port}")
    context.set_default_timeout(10_000)
    page = context.new_page()
    strayed: list[str] = []
    page.on("request", lambda sent: strayed.extend([] if f"{PREFIX}/" in sent.url else [sent.url]))
    page.on("response", lambda got: strayed.extend([f"{got.status} {got.url}"] if got.status == 404 else []))
    yield page
    context.close()
    assert strayed == []


def test_a_user_signs_in_and_sends_money_below_the_prefix(page: Page, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = Person(name="alice", page=page)
    page.goto(f"{PREFIX}/")
    page.get_by_role("link", name="Log in").first.click()
    person.fills("Username or email", "alice")
    person.fills("Password", PASSWORD)
    person.presses("Log in")
    expect(page.get_by_role("heading", name="Home")).to_be_attached()
    person.follows("Send")
    person.fills("To", "bob")
    person.fills("Amount", "19.50")
    person.presses("Review")
    person.presses("Send $19.50 to bob")
    person.reads("Money sent")
    person.follows("Done")
    expect(page.get_by_role("heading", name="Home")).to_be_attached()
    assert balance_of(bob) == 1_950
    paths = {cookie["name"]: cookie["path"] for cookie in page.context.cookies()}
    assert paths == {"sessionid": PREFIX, "csrftoken": PREFIX, "known-browser": PREFIX, "timezone": f"{PREFIX}/"}
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()


def test_a_page_that_is_not_there_leads_back_below_the_prefix(page: Page) -> None:
    with page.expect_response(lambda got: got.status == 200):
        page.goto(f"{PREFIX}/accounts/login/?next=/")
    assert page.locator("link[rel=manifest]").get_attribute("href") == f"{PREFIX}/static/manifest.webmanifest"


def test_the_api_links_below_the_prefix(site: Site, alice: User) -> None:
    _, token = token_issue(user=alice, name="test")
    wallet = alice.wallets.get()
    sent = [f"Authorization: Bearer {token}", "Content-Type: application/json"]
    made = exchange(
        site.port,
        request("POST", f"{PREFIX}/api/v1/wallets/{wallet.pk}/deposits", *sent, body=b'{"amount": 100}'),
    )
    assert status(made) == 201
    assert f"Location: {PREFIX}/api/v1/transactions/".encode() in made
    refused = exchange(site.port, get(f"{PREFIX}/api/v1/wallets/1", *sent))
    assert json.loads(body_of(refused))["type"] == f"{PREFIX}/api/errors#not_found"
    assert status(exchange(site.port, get(f"{PREFIX}/api/errors"))) == 200
    schema = json.loads(body_of(exchange(site.port, get(f"{PREFIX}/api/schema"))))
    assert schema["servers"] == [{"url": PREFIX}]


def test_an_unknown_url_of_the_api_is_a_problem_document_below_the_prefix(site: Site) -> None:
    answer = exchange(site.port, get(f"{PREFIX}/api/v1/nothing"))
    assert (status(answer), b"application/problem+json" in answer) == (404, True)


@pytest.mark.parametrize("path", ["/", "/livez", f"{PREFIX}x/livez", "/money"])
def test_there_is_nothing_outside_the_prefix(site: Site, path: str) -> None:
    assert status(exchange(site.port, get(path))) == 404


def test_its_probes_answer_below_the_prefix(site: Site) -> None:
    assert status(exchange(site.port, get(f"{PREFIX}/livez"))) == 200
