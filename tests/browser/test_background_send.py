"""Sending in the background in a real browser: the page of a pending transfer updates itself."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit
from tests.browser.person import Person
from tests.browser.test_screens import LONG_NAME, STICKS_OUT, look_at
from tests.pages.kit import balance_of, give, settle, wallet_of
from transactions.models import Job, Status, Transaction
from transactions.recipients import TransferRequest
from transactions.services import transfer_submit, withdrawal_create
from wallets.domain.money import AMOUNT_MAX
from wallets.models import User
from wallets.services import user_register

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BUTTON = "Send in the background"
LOOK = re.compile("[?&]look=")


def sends(person: Person) -> None:
    """Sends twenty dollars to Bob in the background, and sets a mark on the page, which a reload would remove."""
    person.logs_in()
    person.reviews("bob", "20", note="Lunch")
    person.presses(BUTTON)
    expect(person.page.get_by_role("heading", name="Transfer pending")).to_be_visible()
    person.page.evaluate("window.stayed = true")


def submitted(alice: User, recipient: str = "bob", amount: int = 2_000, memo: str = "") -> str:
    request = TransferRequest(source_id=wallet_of(alice).id, recipient=recipient, amount=amount, memo=memo)
    return f"/transactions/{transfer_submit(actor=alice, request=request).transaction.pk}/"


def hide(page: Page, hidden: bool) -> None:
    """Hides the page or shows it again, from the point of view of its scripts."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, 'hidden', {get: () => hidden, configurable: true});
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )


def test_the_page_becomes_the_receipt_by_itself(visit: Visit, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = visit("alice")
    sends(person)
    assert balance_of(bob) == 0
    expect(person.page.get_by_role("link", name="Refresh")).to_be_hidden()
    settle()
    expect(person.page.get_by_role("heading", name="Money sent")).to_be_visible()
    expect(person.page.locator("#news")).to_have_text("Money sent: $20.00.")
    expect(person.page.locator("#follow")).to_have_count(0)
    assert person.page.title() == "Money sent · Wallet"
    assert person.page.evaluate("window.stayed")
    assert balance_of(bob) == 2_000


def test_that_receipt_can_be_printed_and_left(visit: Visit, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = visit("alice")
    sends(person)
    settle()
    person.reads("Money sent")
    person.page.evaluate("window.print = () => { window.printed = true }")
    person.presses("Print")
    assert person.page.evaluate("window.printed")
    expect(person.button("Copy")).to_be_visible()
    person.follows("Done")
    expect(person.page.get_by_role("heading", name="Home")).to_be_attached()


def test_a_failed_transfer_says_why_and_can_be_tried_again(visit: Visit, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = visit("alice", width=360)
    sends(person)
    withdrawal_create(actor=alice, wallet_id=wallet_of(alice).id, amount=9_000)
    settle()
    expect(person.page.get_by_role("heading", name="Transfer failed")).to_be_visible()
    person.reads("Your wallet did not hold enough money when the transfer was due.")
    expect(person.page.locator("#news")).to_contain_text("No money moved.")
    assert person.page.evaluate("window.stayed")
    give(alice, 5_000)
    person.follows("Try again")
    expect(person.page.get_by_label("To", exact=True)).to_have_value("bob")
    expect(person.page.get_by_label("Note")).to_have_value("Lunch")
    person.presses("Review")
    person.presses("Send $20.00 to bob")
    person.reads("Money sent")
    assert balance_of(bob) == 2_000


def test_without_javascript_a_reload_shows_the_outcome(visit: Visit, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = visit("alice", javascript=False)
    person.logs_in()
    person.reviews("bob", "20")
    person.presses(BUTTON)
    person.reads("Transfer pending")
    person.follows("Refresh")
    person.reads("Transfer pending")
    settle()
    person.follows("Refresh")
    person.reads("Money sent")
    assert balance_of(bob) == 2_000


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_a_double_click_sends_once(visit: Visit, alice: User, bob: User, javascript: bool) -> None:
    give(alice, 10_000)
    person = visit("alice", javascript=javascript)
    person.logs_in()
    person.reviews("bob", "20")
    person.button(BUTTON).dblclick()
    person.reads("Transfer pending")
    assert Transaction.objects.filter(kind="transfer").count() == 1
    settle()
    assert balance_of(bob) == 2_000


def test_it_is_sent_with_the_keyboard_alone(visit: Visit, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = visit("alice")
    person.logs_in()
    person.reviews("bob", "20")
    person.tabs_to(BUTTON)
    person.page.keyboard.press("Enter")
    person.reads("Transfer pending")
    assert Transaction.objects.get(kind="transfer").status == Status.PENDING


def test_a_hidden_page_does_not_poll(visit: Visit, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = visit("alice")
    person.page.clock.install()
    sends(person)
    hide(person.page, hidden=True)
    looks: list[str] = []
    person.page.on("request", lambda request: looks.append(request.url))
    person.page.clock.run_for(60_000)
    assert looks == []
    settle()
    hide(person.page, hidden=False)
    expect(person.page.get_by_role("heading", name="Money sent")).to_be_visible()
    assert person.page.evaluate("window.stayed")


def test_a_failed_poll_is_repeated(visit: Visit, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = visit("alice")
    answers = iter([503])

    def away(route: Route) -> None:
        status = next(answers, None)
        if status:
            route.fulfill(status=status, body="away")
        else:
            route.continue_()

    person.page.route(LOOK, away)
    with person.page.expect_response(LOOK) as first:
        sends(person)
    assert first.value.status == 503
    settle()
    expect(person.page.get_by_role("heading", name="Money sent")).to_be_visible()
    assert person.page.evaluate("window.stayed")


def test_after_repeated_failures_the_page_offers_a_link(visit: Visit, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = visit("alice")
    person.page.clock.install()
    person.page.route(LOOK, lambda route: route.fulfill(status=503, body="away"))
    sends(person)
    refresh = person.page.get_by_role("link", name="Refresh")
    for _ in range(5):
        expect(refresh).to_be_hidden()
        with person.page.expect_response(LOOK):
            person.page.clock.run_for(10_000)
    expect(refresh).to_be_visible()
    settle()
    refresh.click()
    person.reads("Money sent")


def test_a_session_that_has_ended_leads_to_the_login(visit: Visit, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = visit("alice")
    sends(person)
    person.page.context.clear_cookies()
    expect(person.page.get_by_role("heading", name="Welcome back")).to_be_visible()


def test_the_sender_finds_the_transfer_on_the_dashboard_and_in_the_history(
    visit: Visit, alice: User, bob: User
) -> None:
    give(alice, 10_000)
    submitted(alice, memo="Lunch")
    person = visit("alice", width=360)
    person.logs_in()
    for path in ("/", "/history/"):
        person.opens(path)
        group = person.page.get_by_role("region", name="Pending")
        expect(group.get_by_role("link")).to_have_count(1)
        expect(group).to_contain_text("Pending")
    group.get_by_role("link").click()
    expect(person.page.get_by_role("heading", name="Transfer pending")).to_be_visible()


@pytest.mark.parametrize(("width", "dark"), [(320, False), (360, True), (1280, False), (1280, True)])
def test_every_state_fits_the_screen_and_labels_its_parts(
    visit: Visit, alice: User, bob: User, width: int, dark: bool
) -> None:
    user_register(username=LONG_NAME, email="long@example.com", password="seven lanterns")
    give(alice, AMOUNT_MAX)
    failed = submitted(alice, recipient=LONG_NAME, amount=AMOUNT_MAX, memo="w" * 200)
    withdrawal_create(actor=alice, wallet_id=wallet_of(alice).id, amount=AMOUNT_MAX - 12_345)
    settle()
    pending = submitted(alice, recipient=LONG_NAME, amount=AMOUNT_MAX, memo="w" * 200)
    submitted(alice, amount=2_000, memo="Lunch")
    assert Job.objects.count() == 2
    person = visit("alice", width=width, dark=dark)
    person.logs_in()
    for path in (pending, failed, "/", "/history/"):
        look_at(person, path)
    person.reviews("bob", "20")
    assert person.page.evaluate(STICKS_OUT) <= 0
