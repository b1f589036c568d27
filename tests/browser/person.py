"""A user in a real browser, and the user's actions."""

import re
from dataclasses import dataclass

from django.core import mail
from playwright.sync_api import Locator, Page, expect

from tests.frozen.authenticator import totp_code
from tests.people import PASSWORD
from tests.staff import TOTP_SECRET


@dataclass(frozen=True, slots=True)
class Person:
    """A user with a browser. The methods find elements by their visible names, as a user does."""

    name: str
    page: Page

    def opens(self, path: str) -> None:
        self.page.goto(path)

    def reads(self, text: str) -> None:
        """Waits until the text is visible."""
        expect(self.page.get_by_text(text).first).to_be_visible()

    def fills(self, label: str, value: str) -> None:
        self.page.get_by_label(label, exact=True).fill(value)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("main").get_by_role("button", name=name)

    def presses(self, name: str) -> None:
        self.button(name).click()

    def follows(self, name: str) -> None:
        self.page.get_by_role("main").get_by_role("link", name=name).first.click()

    def signs_up(self) -> None:
        self.opens("/")
        self.follows("Sign up")
        self.fills("Username", self.name)
        self.fills("Email", f"{self.name}@example.com")
        self.fills("Password", PASSWORD)
        self.presses("Sign up")
        self.reads("Your wallet is ready")

    def confirms_email(self) -> None:
        """Follows the link in the mail."""
        (message,) = (message for message in mail.outbox if message.to == [f"{self.name}@example.com"])
        link = re.search(r"http://\S+", str(message.body))
        assert link
        self.opens(link[0])
        self.presses("Yes, confirm it")
        self.reads("You confirmed")

    def logs_in(self, password: str = PASSWORD) -> None:
        self.opens("/accounts/login/")
        self.fills("Username or email", self.name)
        self.fills("Password", password)
        # Not "Log in with a passkey".
        self.page.get_by_role("button", name="Log in", exact=True).click()
        expect(self.page.get_by_role("heading", name="Home")).to_be_attached()

    def adds(self, amount: str) -> None:
        self.opens("/add/")
        self.fills("Amount", amount)
        self.presses("Add money")
        self.reads("Money added")

    def reviews(self, recipient: str, amount: str, note: str = "") -> None:
        """Fills in the form, and stops at the review."""
        self.opens("/send/")
        self.fills("To", recipient)
        self.fills("Amount", amount)
        self.page.get_by_label("Note").fill(note)
        self.presses("Review")
        self.reads("Review your transfer")

    def focus(self) -> str:
        """The name of the element that has the focus."""
        return str(self.page.evaluate("document.activeElement.innerText || document.activeElement.name || ''")).strip()

    def tabs_to(self, name: str) -> None:
        """Presses Tab until an element of this name has the focus, and checks that the focus is visible."""
        for _ in range(60):
            self.page.keyboard.press("Tab")
            if name in self.focus():
                break
        assert name in self.focus()
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        framed = "getComputedStyle(document.activeElement.closest('.amount') || document.body).outlineStyle"
        assert "solid" in {self.page.evaluate(outline), self.page.evaluate(framed)}


def second_factor_enter(person: Person) -> None:
    """Enters the code of the staff's authenticator app, after the password."""
    person.reads("Enter your code")
    person.fills("Code", totp_code(TOTP_SECRET))
    person.presses("Log in")
