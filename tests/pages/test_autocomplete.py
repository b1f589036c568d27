"""Every field tells browsers and password managers what belongs into it."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from tests.pages.kit import text_of
from tests.people import PASSWORD
from wallets.models import User

_INPUT = re.compile(r"<(?:input|textarea|select)\b[^>]*>")


def autocomplete_of(page: str) -> dict[str, str | None]:
    """By the name of each field in which a user types or chooses: its autocomplete."""
    found: dict[str, str | None] = {}
    for tag in _INPUT.findall(page):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if attributes.get("type") in {"hidden", "radio", "checkbox", "submit", "button"} or "name" not in attributes:
            continue
        found[attributes["name"]] = attributes.get("autocomplete")
    return found


ANONYMOUS = {
    "/accounts/login/": {"login": "username", "password": "current-password"},
    "/accounts/signup/": {"username": "username", "email": "email", "password1": "new-password"},
    "/accounts/password/reset/": {"email": "email"},
}
SIGNED_IN = {
    "/send/": {"recipient": "off", "amount": "off", "memo": "off"},
    "/add/": {"amount": "off", "memo": "off"},
    "/withdraw/": {"amount": "off", "memo": "off"},
    "/history/": {"kind": "off", "since": "off", "until": "off"},
    "/wallets/": {"currency": "off"},
    "/tokens/": {"name": "off", "per_payment_USD": "off", "per_day_USD": "off", "valid_days": "off"},
    "/accounts/email/": {"email": "email"},
    "/accounts/password/change/": {
        "oldpassword": "current-password",
        "password1": "new-password",
        "password2": "new-password",
    },
    "/accounts/reauthenticate/": {"password": "current-password"},
}


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "expected"), ANONYMOUS.items())
def test_the_fields_of_the_entrance(client: Client, path: str, expected: dict[str, str]) -> None:
    assert autocomplete_of(text_of(client.get(path))) == expected


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "expected"), SIGNED_IN.items())
def test_the_fields_of_a_signed_in_user(client: Client, alice: User, path: str, expected: dict[str, str]) -> None:
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert autocomplete_of(text_of(client.get(path))) == expected


@pytest.mark.django_db
def test_the_field_that_turns_a_second_factor_on(client: Client, alice: User) -> None:
    EmailAddress.objects.filter(user=alice).update(verified=True)
    client.force_login(alice)
    path = "/accounts/2fa/totp/activate/"
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert autocomplete_of(text_of(client.get(path))) == {"code": "one-time-code"}


@pytest.mark.django_db
def test_the_field_of_the_second_factor(client: Client, alice: User) -> None:
    TOTP.activate(alice, generate_totp_secret())
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert autocomplete_of(text_of(client.get("/accounts/2fa/authenticate/"))) == {"code": "one-time-code"}
