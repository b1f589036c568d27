"""Passkeys in a real browser, with the virtual authenticator of its developer tools."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import CDPSession, expect

from tests.browser.conftest import Visit
from tests.browser.person import Person
from tests.people import PASSWORD
from wallets.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Device:
    """The device of a person, which knows passkeys."""

    session: CDPSession
    id: str

    def credentials(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})[
            "credentials"
        ]
        return found

    def verifies(self, *, is_verified: bool) -> None:
        self.session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": is_verified})


def device_of(person: Person) -> Device:
    session = person.page.context.new_cdp_session(person.page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return Device(session, made["authenticatorId"])


def adds_passkey(person: Person, name: str = "my phone") -> None:
    person.opens("/settings/")
    person.follows("Two-factor authentication")
    person.follows("Add a passkey")
    person.fills("Password", PASSWORD)
    person.presses("Continue")
    person.fills("Name", name)
    person.presses("Add passkey")
    person.reads("Your passkey was added")
    person.reads("Recovery codes")


def logs_out(person: Person) -> None:
    person.opens("/settings/")
    person.presses("Log out")


@pytest.mark.parametrize("width", [360, 1280])
def test_a_user_adds_a_passkey_and_logs_in_with_it_alone(visit: Visit, alice: User, width: int) -> None:
    person = visit("alice", localhost=True, width=width)
    device = device_of(person)
    person.logs_in()
    adds_passkey(person)
    assert [credential["isResidentCredential"] for credential in device.credentials()] == [True]
    logs_out(person)

    person.presses("Log in with a passkey")
    expect(person.page.get_by_role("heading", name="Home")).to_be_attached()

    person.opens("/accounts/2fa/")
    person.reads("my phone")
    person.follows("Rename the passkey my phone")
    # A passkey confirms who is there, although the session was opened with one.
    person.presses("Use a passkey")
    person.fills("Name", "old phone")
    person.presses("Save")
    person.follows("Remove the passkey old phone")
    person.presses("Remove")
    person.reads("The passkey was removed")
    assert not Authenticator.objects.filter(user=alice).exists()


def test_a_passkey_is_the_second_step_after_the_password(visit: Visit, alice: User) -> None:
    person = visit("alice", localhost=True, width=360)
    device_of(person)
    person.logs_in()
    adds_passkey(person)
    logs_out(person)

    person.fills("Username or email", "alice")
    person.fills("Password", PASSWORD)
    person.button("Log in").first.click()
    person.reads("Confirm that it is you")
    person.presses("Use a passkey")
    expect(person.page.get_by_role("heading", name="Home")).to_be_attached()


def test_a_device_that_does_not_verify_its_user_lets_nobody_in(visit: Visit, alice: User) -> None:
    person = visit("alice", localhost=True)
    device = device_of(person)
    person.logs_in()
    adds_passkey(person)
    logs_out(person)
    device.verifies(is_verified=False)

    person.presses("Log in with a passkey")

    person.reads("No passkey was used. Try again, or choose another way.")
    assert person.page.url.endswith("/accounts/login/")


def test_without_script_the_password_logs_in_and_a_code_takes_the_place_of_the_passkey(
    visit: Visit, alice: User
) -> None:
    person = visit("alice", localhost=True)
    device_of(person)
    person.logs_in()
    adds_passkey(person)
    code = person.page.get_by_label("Unused codes").locator("code").first.inner_text()

    plain = visit("alice", localhost=True, javascript=False)
    plain.opens("/accounts/login/")
    expect(plain.page.get_by_text("passkey", exact=False)).to_have_count(1)
    expect(plain.page.get_by_text("Log in with a passkey")).to_be_hidden()
    plain.fills("Username or email", "alice")
    plain.fills("Password", PASSWORD)
    plain.button("Log in").first.click()
    expect(plain.page.get_by_role("button", name=re.compile("passkey"))).to_have_count(0)
    plain.fills("Code", code)
    plain.button("Log in").first.click()
    plain.opens("/accounts/2fa/webauthn/add/")
    plain.reads("Using a passkey needs JavaScript")
    plain.follows("Use a code instead")
    plain.reads("Confirm your identity")
