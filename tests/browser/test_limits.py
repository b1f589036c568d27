"""What a rate-limited user sees, on a small screen, light and dark."""

import re

import pytest
from playwright.sync_api import expect
from pytest_django import Settings

from tests.browser.conftest import Visit
from tests.browser.test_screens import STICKS_OUT
from tests.pages.kit import balance_of
from wallets.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def one_of_each(settings: Settings) -> None:
    """Every form may be submitted once; a second submission is rate-limited."""
    settings.THROTTLE_ENABLED = True
    settings.THROTTLE_SCALE = 0.0


@pytest.mark.usefixtures("one_of_each")
def test_a_rate_limited_user_sees_the_wait_and_loses_no_input(visit: Visit, alice: User, settings: Settings) -> None:
    person = visit("alice", width=360, dark=True)
    person.logs_in()
    person.adds("5")

    person.opens("/add/")
    person.fills("Amount", "20")
    person.page.get_by_label("Note").fill("Rent")
    person.presses("Add money")

    person.reads("No money was added")
    person.reads("Too many attempts.")
    expect(person.page.get_by_label("Amount", exact=True)).to_have_value("20")
    expect(person.page.get_by_label("Note")).to_have_value("Rent")
    assert person.page.evaluate(STICKS_OUT) <= 0

    settings.THROTTLE_ENABLED = False
    person.presses("Add money")
    person.reads("Money added")


@pytest.mark.usefixtures("one_of_each")
def test_a_rate_limited_user_who_confirms_sees_the_review_again(
    visit: Visit, alice: User, bob: User, settings: Settings
) -> None:
    person = visit("alice", width=360)
    person.logs_in()
    person.adds("50")
    settings.THROTTLE_ENABLED = False
    person.reviews("bob", "20")
    settings.THROTTLE_ENABLED = True
    person.presses("Send $20.00 to bob")

    person.reads("Nothing was sent")
    assert person.page.evaluate(STICKS_OUT) <= 0
    assert balance_of(bob) == 0

    settings.THROTTLE_ENABLED = False
    person.presses("Send $20.00 to bob")
    expect(person.page).to_have_url(re.compile(r"/transactions/\d+/"))
    assert balance_of(bob) == 2_000


@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize("dark", [False, True])
def test_a_visitor_who_guesses_passwords_sees_how_long_to_wait(visit: Visit, alice: User, dark: bool) -> None:
    person = visit("alice", width=360, dark=dark)
    # Two guesses are one too many, unless a new window of the limit begins between them. The third is then.
    for _ in range(3):
        person.opens("/accounts/login/")
        person.fills("Username or email", "alice")
        person.fills("Password", "wrong")
        person.presses("Log in")
        person.page.wait_for_load_state()
        if person.page.get_by_text("Too many attempts").count():
            break

    person.reads("Too many attempts")
    person.reads("then try again")
    assert person.page.evaluate(STICKS_OUT) <= 0
    person.follows("Try again")
    person.reads("Welcome back")
