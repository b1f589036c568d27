"""The main tasks of users, done as a user does them."""

import re

import pytest
from django.core import mail
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.pages.kit import balance_of, give
from tests.people import PASSWORD
from transactions.models import Transaction
from wallets.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_money_sent_by_alice_is_seen_by_bob(visit: Visit, javascript: bool) -> None:
    alice, bob = visit("alice", javascript=javascript), visit("bob", javascript=javascript, width=360, height=740)
    bob.signs_up()
    bob.confirms_email()
    alice.signs_up()
    alice.follows("Add money")
    alice.fills("Amount", "100")
    alice.presses("Add money")
    alice.reads("Money added")
    alice.follows("Done")
    alice.follows("Send")
    alice.fills("To", "bob@example.com")
    alice.fills("Amount", "19.50")
    alice.fills("Note (optional)", "Lunch at the harbour")
    alice.presses("Review")
    alice.reads("Balance after")
    alice.reads("$80.50")
    alice.presses("Send $19.50 to bob")
    alice.reads("Money sent")
    bob.opens("/")
    bob.reads("+$19.50")
    bob.reads("Lunch at the harbour")
    bob.follows("alice")
    bob.reads("Money received")
    assert balance_of(User.objects.get(username="bob")) == 1_950


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_a_double_click_sends_once(visit: Visit, alice: User, bob: User, javascript: bool) -> None:
    give(alice, 10_000)
    person = visit("alice", javascript=javascript)
    person.logs_in()
    person.reviews("bob", "20")
    person.button("Send $20.00 to bob").dblclick()
    person.reads("Money sent")
    assert balance_of(bob) == 2_000
    assert Transaction.objects.filter(kind="transfer").count() == 1


def test_going_back_after_sending_shows_a_new_form_and_cannot_send_again(visit: Visit, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = visit("alice")
    person.logs_in()
    person.reviews("bob", "20")
    person.presses("Send $20.00 to bob")
    person.reads("Money sent")
    person.page.go_back()
    expect(person.page.get_by_role("heading", name="Send money")).to_be_visible()
    assert balance_of(bob) == 2_000


def test_money_is_sent_with_the_keyboard_alone(visit: Visit, alice: User, bob: User) -> None:
    give(alice, 10_000)
    person = visit("alice")
    person.logs_in()
    keyboard = person.page.keyboard
    person.opens("/")
    keyboard.press("Tab")
    assert person.focus() == "Skip to main content"
    keyboard.press("Enter")
    person.tabs_to("Send")
    keyboard.press("Enter")
    expect(person.page.get_by_role("heading", name="Send money")).to_be_visible()
    person.tabs_to("recipient")
    keyboard.type("bob")
    person.tabs_to("amount")
    keyboard.type("20")
    keyboard.press("Enter")
    expect(person.page.get_by_role("heading", name="Review your transfer")).to_be_visible()
    person.tabs_to("Send $20.00 to bob")
    keyboard.press("Enter")
    person.reads("Money sent")
    assert balance_of(bob) == 2_000


def test_an_error_is_announced_and_links_to_its_field(visit: Visit, alice: User) -> None:
    person = visit("alice")
    person.logs_in()
    person.opens("/send/")
    person.fills("To", "nobody")
    person.fills("Amount", "20")
    person.presses("Review")
    alert = person.page.get_by_role("alert")
    expect(alert).to_contain_text("Nothing was sent")
    expect(alert).to_be_focused()
    alert.get_by_role("link", name="There is no user").click()
    recipient = person.page.get_by_label("To", exact=True)
    expect(recipient).to_be_focused()
    expect(recipient).to_have_value("nobody")
    expect(recipient).to_have_accessible_description(re.compile("There is no user"))


def test_a_password_is_reset_by_email(visit: Visit, alice: User) -> None:
    person = visit("alice")
    person.opens("/accounts/login/")
    person.follows("Forgot your password?")
    person.fills("Email", "alice@example.com")
    person.presses("Send the link")
    person.reads("Check your email")
    link = re.search(r"http://\S+", str(mail.outbox[0].body))
    assert link
    person.opens(link[0])
    person.fills("New password", "a longer phrase than before")
    person.fills("Confirm new password", "a longer phrase than before")
    person.presses("Change password")
    person.reads("Your password was changed")
    person.logs_in("a longer phrase than before")


def test_logging_out_leaves_nothing_behind_the_back_button(visit: Visit, alice: User) -> None:
    give(alice, 123_456)
    person = visit("alice")
    person.logs_in()
    person.reads("$1,234")
    person.page.get_by_role("button", name="Log out").click()
    person.reads("You are logged out.")
    person.page.go_back()
    expect(person.page.get_by_text("$1,234")).to_have_count(0)


def test_a_token_is_shown_once_and_revoked(visit: Visit, alice: User) -> None:
    person = visit("alice")
    person.logs_in()
    person.opens("/tokens/")
    person.fills("Name", "Till")
    person.presses("Create token")
    person.fills("Password", PASSWORD)
    person.presses("Continue")
    person.reads("Your new token")
    person.opens("/tokens/")
    expect(person.page.get_by_text("Your new token")).to_have_count(0)
    person.page.get_by_text("Revoke Till").click()
    person.presses("Revoke token")
    person.reads("The token was revoked.")
